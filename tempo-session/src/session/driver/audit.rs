//! Comparing what was sent with what lies in an author's directory, by names and lengths.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;
use tempo_message::{Digest, MessageId, Piece};

use super::OwnMessages;
use crate::protocol::Stock;

/// What came of it.
#[derive(Debug)]
pub(super) struct Audit {
    /// Messages that do not lie in the folder with their full length, alone or in a pack, or lie there cut short.
    pub(super) absent: Vec<(MessageId, Digest)>,
    /// Packs of own messages that have not their full length.
    pub(super) damaged: Vec<(u64, u64)>,
    /// Whatever has, and what is alone there and cut short.
    pub(super) stock: Stock,
}

impl Audit {
    /// Of two messages of one number neither is taken for the file of that name: publishing them again finds out.
    pub(super) fn of(own: &OwnMessages, author: AuthorId, there: &[Piece]) -> Self {
        let lengths = own.iter().filter(|((id, _), _)| id.author == author).map(|((id, _), &len)| (id.counter, len));
        let mut by_counter: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        for (counter, len) in lengths {
            by_counter.entry(counter).and_modify(|only| *only = None).or_insert(Some(len));
        }
        // `None` when not each of them is there once.
        let length = |piece: &Piece| {
            let inside = || by_counter.range(piece.first..=piece.last).filter_map(|(_, len)| *len);
            let count = u64::try_from(inside().count()).unwrap_or(u64::MAX);
            (count == piece.last - piece.first + 1).then(|| inside().sum::<u64>())
        };
        let is_full = |piece: &Piece| length(piece) == Some(piece.bytes);
        let (full, others): (Vec<Piece>, Vec<Piece>) = there.iter().partition(|piece| is_full(piece));
        let packs: Vec<&Piece> = full.iter().filter(|piece| piece.first < piece.last).collect();
        let is_there = |counter| {
            let is_in = |piece: &&Piece| (piece.first..=piece.last).contains(&counter);
            packs.iter().any(is_in) || full.binary_search_by_key(&(counter, counter), |it| (it.first, it.last)).is_ok()
        };
        let (torn, others): (Vec<Piece>, Vec<Piece>) = others.into_iter().partition(|piece| piece.first == piece.last);
        let torn: Vec<Piece> = torn.into_iter().filter(|piece| length(piece).is_some()).collect();
        let is_torn = |counter| torn.iter().any(|piece| piece.first == counter);
        let damaged = others.iter().filter(|piece| length(piece).is_some());
        let damaged: Vec<(u64, u64)> = damaged.map(|piece| (piece.first, piece.last)).collect();
        let is_mended = |counter| damaged.iter().any(|&(first, last)| (first..=last).contains(&counter));
        let of_author = own.keys().filter(|(id, _)| id.author == author);
        let is_absent = |counter| is_torn(counter) || !(is_there(counter) || is_mended(counter));
        let absent = of_author.filter(|(id, _)| is_absent(id.counter)).copied().collect();
        Self { absent, damaged, stock: Stock::of(full.into_iter().chain(torn)) }
    }
}
