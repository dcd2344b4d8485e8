//! A sound to be sent: uncompressed, one channel, 16 bits a sample.

use std::f64::consts::TAU;

/// The samples in a second.
const RATE: u32 = 8000;
/// The bytes before the samples, without the first eight.
const HEAD: u32 = 36;

/// Returns a WAV file with a low tone that fades.
pub(super) fn tone(seconds: u32) -> Vec<u8> {
    let count = RATE * seconds;
    let sample = |number: u32| {
        let (time, end) = (f64::from(number) / f64::from(RATE), f64::from(seconds));
        let value = (time * 110.0 * TAU).sin() * (1.0 - time / end) * 20_000.0;
        #[allow(clippy::cast_possible_truncation, reason = "it is between -20,000 and 20,000")]
        let sample = value as i16;
        sample.to_le_bytes()
    };
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let mut sound = b"RIFF".to_vec();
    sound.extend(numbers(&[HEAD + count * 2]));
    sound.extend(b"WAVEfmt ");
    // The length of the rest, the format in two halves, the rate in samples and in bytes, and the sizes of a sample.
    sound.extend(numbers(&[16, 1 | 1 << 16, RATE, RATE * 2, 2 | 16 << 16]));
    sound.extend(b"data");
    sound.extend(numbers(&[count * 2]));
    sound.extend((0..count).flat_map(sample));
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_its_own_length() {
        let sound = tone(1);
        let stated = sound.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        assert_eq!(stated.map(|length| length as usize + 8), Some(sound.len()));
    }
}
