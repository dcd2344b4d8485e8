//! The blocks of a ledger as pages, each of which is written again only when something was added to its block.

use tempo_message::Digest;

use super::Record;
use crate::core::order::ledger::{Block, Ledger};

/// A ledger that is put together again: the rest of it first, then the blocks in order.
#[derive(Debug)]
pub(crate) struct Resuming {
    ledger: Ledger,
    /// How many blocks there are to be.
    blocks: usize,
    messages: usize,
}

/// The bytes of a record in a page, and what comes before the records: whose block it is, and its first counter.
const RECORD: usize = Digest::LEN + 8 + 4 + 4;
const BEFORE: usize = 4 + 8;

impl Ledger {
    /// The next blocks of which not everything is in a page, as pages; from here on that counts as kept.
    pub(crate) fn next_pages(&mut self, most: usize) -> Vec<(u32, Vec<u8>)> {
        let blocks = (0_u32..).zip(&mut self.blocks).skip(self.unkept);
        let fresh = blocks.filter(|(_, block)| usize::from(block.kept) < block.records.len());
        let page = |(number, block): (u32, &mut Block)| {
            block.kept = u16::try_from(block.records.len()).unwrap_or(u16::MAX);
            (number, block.to_page())
        };
        let pages: Vec<_> = fresh.take(most).map(page).collect();
        self.unkept = match pages.last() {
            Some((last, _)) if pages.len() == most => *last as usize + 1,
            _ => self.blocks.len(),
        };
        pages
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }
}

impl Resuming {
    /// Everything but the blocks, of which there are to be so many.
    pub(crate) fn new(mut ledger: Ledger, blocks: usize) -> Self {
        let authors = (0_u32..).zip(&ledger.chains).map(|(at, chain)| (chain.author, at));
        ledger.by_author = authors.collect();
        // Each has a message.
        ledger.blocks.reserve_exact(blocks.min(ledger.len as usize));
        Self { ledger, blocks, messages: 0 }
    }

    /// Takes the next block; false when it cannot be that.
    pub(crate) fn take(&mut self, number: u32, page: &[u8]) -> bool {
        if number as usize >= self.blocks {
            // Of a later state, which was not kept as a whole.
            return true;
        }
        let block = Block::from_page(page, self.ledger.len).filter(|block| {
            number as usize == self.ledger.blocks.len() && self.ledger.chains.get(block.chain as usize).is_some()
        });
        self.messages += block.as_ref().map_or(0, |block| block.records.len());
        let is_fine = block.is_some();
        self.ledger.blocks.extend(block);
        is_fine
    }

    /// The ledger, if it has everything that it is to have.
    pub(crate) fn finish(self) -> Option<Ledger> {
        let is_whole = self.ledger.blocks.len() == self.blocks && self.messages == self.ledger.len as usize;
        is_whole.then_some(self.ledger)
    }
}

impl Block {
    fn to_page(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(BEFORE + self.records.len() * RECORD);
        page.extend_from_slice(&self.chain.to_le_bytes());
        page.extend_from_slice(&self.first.to_le_bytes());
        for Record { digest, unix_ms, lamport, number } in &self.records {
            page.extend_from_slice(digest.as_bytes());
            page.extend_from_slice(&unix_ms.to_le_bytes());
            page.extend_from_slice(&lamport.to_le_bytes());
            page.extend_from_slice(&number.to_le_bytes());
        }
        page
    }

    /// What a page has of the first `end` accepted messages. With more than these it is of a later state, and is to be
    /// written again.
    fn from_page(page: &[u8], end: u32) -> Option<Self> {
        let (chain, rest) = page.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (records, left) = rest.as_chunks::<RECORD>();
        let (chain, first) = (u32::from_le_bytes(*chain), u64::from_le_bytes(*first));
        let len = records.len();
        let room = if len > Self::MOST / 2 { Self::MOST } else { len };
        let mut block = Self { chain, kept: 0, first, records: Vec::with_capacity(room) };
        block.records.extend(records.iter().map_while(Record::from_page).take_while(|record| record.number < end));
        let has = block.records.len();
        block.kept = if has == len { u16::try_from(len).ok()? } else { 0 };
        (left.is_empty() && first > 0 && (1..=Self::MOST).contains(&has)).then_some(block)
    }
}

impl Record {
    fn from_page(bytes: &[u8; RECORD]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk()?;
        let (unix_ms, rest) = rest.split_first_chunk()?;
        let (lamport, number) = rest.split_first_chunk()?;
        Some(Self {
            digest: Digest::from_bytes(*digest),
            unix_ms: i64::from_le_bytes(*unix_ms),
            lamport: u32::from_le_bytes(*lamport),
            number: u32::from_le_bytes(number.try_into().ok()?),
        })
    }
}
