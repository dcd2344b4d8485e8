//! Content on its way, piece by piece.

use std::io::{self, Read};

use tempo_message::Part;

/// The memory for content on its way, in bytes.
pub(crate) const PIECE: usize = 1024 * 1024;

/// Reads a part, and hands on each piece of it. Returns whether the bytes are the part; bytes that cannot be read are not.
///
/// # Errors
///
/// Those of `to`.
pub(crate) fn pass_part(
    part: &Part,
    from: &mut (impl Read + ?Sized),
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let (mut check, mut left, mut piece) = (part.check(), part.length, vec![0; PIECE]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let Some(room) = piece.get_mut(..most) else { break };
        let Ok(read) = from.read(room) else { return Ok(false) };
        let Some(now) = room.get(..read).filter(|now| !now.is_empty()) else { return Ok(false) };
        check.update(now);
        to(now)?;
        left -= now.len() as u64;
    }
    Ok(check.holds())
}
