//! The fields of a header, in the encoding of postcard.

use alloc::vec::Vec;

/// Appends bytes with their length before them.
pub(crate) fn put_run(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Takes a run of exactly `LEN` bytes.
pub(crate) fn take_run<'a, const LEN: usize>(from: &mut &'a [u8]) -> Option<&'a [u8; LEN]> {
    if take_number(from)? != LEN as u64 {
        return None;
    }
    take_bytes(from)
}

/// Takes a run of any length.
pub(crate) fn take_some<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_number(from)?).ok()?;
    let (run, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(run)
}

pub(crate) fn take_bytes<'a, const LEN: usize>(from: &mut &'a [u8]) -> Option<&'a [u8; LEN]> {
    let (bytes, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(bytes)
}

pub(crate) fn take_byte(from: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = from.split_first()?;
    *from = rest;
    Some(byte)
}

/// Appends a number, seven bits to a byte, the low ones first. The eighth bit says that another byte follows.
pub(crate) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        let [low, ..] = number.to_le_bytes();
        to.push(low | 0x80);
        number >>= 7;
    }
    let [last, ..] = number.to_le_bytes();
    to.push(last);
}

/// Takes a number of at most 64 bits. Zeros at its end do no harm.
pub(crate) fn take_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28, 35, 42, 49, 56, 63] {
        let byte = take_byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (shift < 63 || byte <= 1).then_some(number);
        }
    }
    None
}

/// Maps small numbers of either sign to small numbers.
pub(crate) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
