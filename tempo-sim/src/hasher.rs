//! A hash over everything that happens in a run.

/// A rolling hash that depends on the numbers and their order (FNV-1a over 64-bit words, then mixed).
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    value: u64,
}

impl Hasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self { value: 0xcbf2_9ce4_8422_2325 ^ seed }
    }

    pub(crate) fn add(&mut self, words: &[u64]) {
        for word in words {
            self.value = (self.value ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.value ^ (self.value >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters() {
        let hash = |words: &[u64]| {
            let mut hasher = Hasher::new(1);
            hasher.add(words);
            hasher.value()
        };
        assert_eq!(hash(&[1, 2]), hash(&[1, 2]));
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
    }
}
