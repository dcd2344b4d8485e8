//! Flat bytes of a ledger, for snapshots.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tempo_message::Digest;

use super::{Block, Chain, Ledger, Record};

/// Everything in a ledger except the records of its messages.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outline<'a> {
    chains: Cow<'a, [Chain]>,
    /// The chain of each block, the counter of its first record, and the number of its records.
    blocks: Vec<(u32, u64, u16)>,
    messages: u32,
}

/// The size of a record, in bytes.
const RECORD: usize = Digest::LEN + 8 + 4 + 4;

impl Ledger {
    pub(crate) fn outline(&self) -> Outline<'_> {
        let shape = |block: &Block| (block.chain, block.first, u16::try_from(block.records.len()).unwrap_or(u16::MAX));
        Outline {
            chains: Cow::Borrowed(&self.chains),
            blocks: self.blocks.iter().map(shape).collect(),
            messages: self.len,
        }
    }

    /// Appends the records of all blocks in order.
    pub(crate) fn write_records(&self, out: &mut Vec<u8>) {
        out.reserve(self.len as usize * RECORD);
        for Record { digest, unix_ms, lamport, number } in self.blocks.iter().flat_map(|block| &block.records) {
            out.extend_from_slice(digest.as_bytes());
            out.extend_from_slice(&unix_ms.to_le_bytes());
            out.extend_from_slice(&lamport.to_le_bytes());
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads a ledger and returns it with the bytes after its records, or `None` when they do not fit the
    /// outline.
    pub(crate) fn read<'b>(outline: Outline<'_>, bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let Outline { chains, blocks: shapes, messages } = outline;
        let (records, rest) = bytes.split_at_checked((messages as usize).checked_mul(RECORD)?)?;
        let (mut records, _) = records.as_chunks::<RECORD>();
        let mut blocks = Vec::with_capacity(shapes.len().min(messages as usize));
        for (chain, first, len) in shapes {
            let (of_block, behind) = records.split_at_checked(len.into())?;
            records = behind;
            let is_sound = first > 0 && (1..=Block::MOST).contains(&len.into()) && (chain as usize) < chains.len();
            let room = if usize::from(len) > Block::MOST / 2 { Block::MOST } else { len.into() };
            let mut block = Block { chain, first, records: Vec::with_capacity(room) };
            block.records.extend(of_block.iter().map_while(Record::read));
            blocks.push(Some(block).filter(|_| is_sound)?);
        }
        let by_author = (0_u32..).zip(chains.iter()).map(|(at, chain)| (chain.author, at)).collect();
        let ledger = Self { blocks, chains: chains.into_owned(), by_author, len: messages };
        records.is_empty().then_some((ledger, rest))
    }
}

impl Record {
    fn read(bytes: &[u8; RECORD]) -> Option<Self> {
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
