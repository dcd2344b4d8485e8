//! Bytes whose line ends a program on the way has converted, as git and FTP do with files that they take for text.
//!
//! A digest proves the original bytes, so trying can undo a conversion, within a budget.

use alloc::{borrow::Cow, vec::Vec};

use bytes::Bytes;

use crate::{
    codec::frame::Frame,
    digest::Digest,
    head::{BadHead, Head, MAX_HEAD},
    message::MAX_FRAME,
};

const CR: u8 = b'\r';
const LF: u8 = b'\n';
/// The most bytes to hash for one file.
const BUDGET: usize = 4 * 1024 * 1024;

/// The most line ends whose subsets are all tried. With more, one or two at a time are.
const FEW: usize = 12;

/// Returns the frames of a file as they were before their line ends were converted, and the rest of the file behind
/// them; `None` if not even the first frame can be restored.
pub fn restored_frames(bytes: &[u8]) -> Option<Bytes> {
    restored(bytes, |beginning| Frame::announced_len(beginning).filter(|&len| len <= MAX_FRAME))
}

/// Returns the head in a file whose line ends were converted.
///
/// # Errors
///
/// The fault of the bytes as they are, if restoring does not help.
pub fn restored_head(bytes: &[u8]) -> Result<Head, BadHead> {
    let restored = restored(bytes, |beginning| Head::announced_len(beginning).filter(|&len| len <= MAX_HEAD));
    Head::decode(restored.as_deref().unwrap_or(bytes))
}

/// The change of single line ends, besides the conversion of all of them.
#[derive(Clone, Copy)]
enum Loss {
    /// A CR was dropped before an LF.
    Dropped,
    /// A CR is an LF now.
    Replaced,
}

/// Restores frames or heads, one after the other, each as long as `len_of` says and with its digest at the end.
fn restored(bytes: &[u8], len_of: impl Fn(&[u8]) -> Option<usize>) -> Option<Bytes> {
    let mut budget = BUDGET;
    let mut best: Option<(usize, Vec<u8>)> = None;
    for (plain, loss) in [
        (without_added(bytes), Loss::Dropped),
        (Cow::Borrowed(bytes), Loss::Dropped),
        (Cow::Owned(bytes.iter().map(|&byte| if byte == CR { LF } else { byte }).collect()), Loss::Replaced),
    ] {
        let (mut done, mut rest) = (Vec::new(), plain.as_ref());
        while let Some(len) = len_of(rest)
            && let Some((unit, used)) = whole(rest, len, loss, &mut budget)
        {
            done.extend_from_slice(&unit);
            rest = rest.get(used..).unwrap_or_default();
        }
        let whole = done.len();
        if best.as_ref().is_none_or(|(most, _)| whole > *most) && whole > 0 {
            done.extend_from_slice(rest);
            best = Some((whole, done));
        }
        if rest.is_empty() && whole > 0 {
            break;
        }
    }
    best.map(|(_, bytes)| bytes.into())
}

/// Returns the bytes without one CR before each LF.
fn without_added(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_added = |at: usize| bytes.get(at..at + 2) == Some(&[CR, LF]);
    Cow::Owned(bytes.iter().enumerate().filter(|&(at, _)| !is_added(at)).map(|(_, &byte)| byte).collect())
}

/// Restores one unit of `len` bytes with a digest that holds from the beginning of some bytes, and returns the
/// number of bytes used: as they are, with every line end put back, or with some of them.
fn whole<'a>(rest: &'a [u8], len: usize, loss: Loss, budget: &mut usize) -> Option<(Cow<'a, [u8]>, usize)> {
    if let Some(unit) = rest.get(..len).filter(|unit| holds(unit, budget)) {
        return Some((Cow::Borrowed(unit), len));
    }
    let all = put_back(rest, len, loss, |_| true);
    if let Some((unit, used)) = all.filter(|(unit, _)| holds(unit, budget)) {
        return Some((Cow::Owned(unit), used));
    }
    let ends: Vec<usize> = (0..rest.len().min(len)).filter(|&at| rest.get(at) == Some(&LF)).collect();
    let mut tried = |is_lost: &dyn Fn(usize) -> bool| {
        let some = put_back(rest, len, loss, is_lost);
        some.filter(|(unit, _)| holds(unit, budget)).map(|(unit, used)| (Cow::Owned(unit), used))
    };
    // The budget is good for this many attempts.
    let most = BUDGET / len.max(1);
    if ends.len() <= FEW {
        let is_in = |set: u32, at: usize| ends.iter().position(|&end| end == at).is_some_and(|end| set >> end & 1 == 1);
        return (1..1 << ends.len()).take(most).find_map(|set| tried(&|at| is_in(set, at)));
    }
    let pairs =
        ends.iter().enumerate().flat_map(|(number, one)| ends.iter().skip(number).map(move |other| (one, other)));
    pairs.take(most).find_map(|(&one, &other)| tried(&|at| at == one || at == other))
}

/// Copies the beginning of some bytes, and puts back line ends where `is_lost` says so, until there are `len` bytes.
fn put_back(rest: &[u8], len: usize, loss: Loss, is_lost: impl Fn(usize) -> bool) -> Option<(Vec<u8>, usize)> {
    let mut unit = Vec::with_capacity(len + 1);
    let mut used = 0;
    while unit.len() < len {
        let byte = *rest.get(used)?;
        match loss {
            _ if byte != LF || !is_lost(used) => unit.push(byte),
            Loss::Dropped => unit.extend_from_slice(&[CR, LF]),
            Loss::Replaced => unit.push(CR),
        }
        used += 1;
    }
    (unit.len() == len).then_some((unit, used))
}

fn holds(unit: &[u8], budget: &mut usize) -> bool {
    let Some(left) = budget.checked_sub(unit.len()) else { return false };
    *budget = left;
    unit.split_last_chunk().is_some_and(|(content, digest)| Digest::of(content).as_bytes() == digest)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use tempo_clock::{AuthorId, Lamport};
    use uuid::Uuid;

    use super::*;
    use crate::{
        codec::{frame::Decoded, frames::Frames},
        head::Life,
        id::MessageId,
        message::{Kind, Message},
    };

    /// Turns LF into CRLF, also behind a CR if `is_blind`.
    fn added(bytes: &[u8], is_blind: bool) -> Vec<u8> {
        let mut converted = Vec::new();
        for &byte in bytes {
            if byte == LF && (is_blind || converted.last() != Some(&CR)) {
                converted.push(CR);
            }
            converted.push(byte);
        }
        converted
    }

    fn replaced(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().map(|&byte| if byte == LF { CR } else { byte }).collect()
    }

    fn frame(counter: u64, text: &str) -> Frame {
        let message = Message {
            id: MessageId { author: AuthorId::new(Uuid::from_u128(7)), counter },
            lamport: Lamport(counter),
            unix_ms: 0,
            previous: (counter > 1).then(|| Digest::of(&[])),
            parents: Vec::new(),
            kind: Kind::Payload,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::copy_from_slice(text.as_bytes()),
        };
        Frame::encode(&message).unwrap()
    }

    /// Many messages, some with line ends in their lengths or digests.
    fn messages() -> Vec<Frame> {
        (1..400).map(|counter| frame(counter, &"line\n".repeat(usize::try_from(counter % 7).unwrap()))).collect()
    }

    #[test]
    fn what_was_converted_is_read_as_it_was() {
        let frames = messages();
        let pack: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
        assert!(pack.contains(&LF) && pack.contains(&CR));
        for bytes in frames.iter().map(|frame| frame.bytes().to_vec()).chain([pack]) {
            for converted in [added(&bytes, false), added(&bytes, true), replaced(&bytes)] {
                if converted != bytes {
                    assert_eq!(restored_frames(&converted).as_deref(), Some(bytes.as_slice()), "{converted:?}");
                }
            }
        }
    }

    #[test]
    fn dropped_ones_are_put_back_where_all_were_or_few() {
        for text in ["a\r\nb\r\nc\r\n", "a\r\nb\n", "\n\r\n\n\n\r\n"] {
            let frame = frame(1, text);
            let converted: Vec<u8> = without_added(frame.bytes()).into_owned();
            assert_eq!(restored_frames(&converted).as_ref(), Some(frame.bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_head_is_restored() {
        for counter in 0..400 {
            let head = Head {
                author: AuthorId::new(Uuid::from_u128(7)),
                name: Some(format!("Ana\n{counter}")),
                place: None,
                counter,
                digest: None,
                lamport: Lamport(counter),
                seen: Vec::new(),
                wanted: Vec::new(),
                life: Life::default(),
                unix_ms: 0,
                seal: None,
            };
            let converted = added(&head.encode(), true);
            assert!(Head::decode(&converted).is_err());
            assert_eq!(restored_head(&converted), Ok(head));
        }
    }

    #[test]
    fn of_what_is_damaged_only_the_whole_beginning_is_restored() {
        let (first, second) = (frame(1, "one\n"), frame(2, "two\n"));
        let mut bytes = added(&[first.bytes().as_ref(), second.bytes().as_ref()].concat(), true);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let decoded: Vec<Decoded> = Frames::new(restored_frames(&bytes).unwrap()).collect();
        assert!(matches!(decoded.as_slice(), [Decoded::Whole(it), Decoded::Bad(_)] if *it == first), "{decoded:?}");
        assert_eq!(restored_frames(&bytes[..40]), None);
        assert_eq!(restored_frames(b"a text\r\nof two lines\r\n"), None);
    }

    /// The number of attempts does not grow with the number of line ends.
    #[test]
    fn the_effort_is_bounded() {
        let mut bytes = frame(1, &"\n".repeat(1 << 20)).bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(restored_frames(&bytes), None);
    }
}
