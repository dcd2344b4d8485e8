//! The content of a message that releases files.

use alloc::vec::Vec;

use crate::attachment::id::AttachmentId;

/// The attachments that an author's earlier messages need no longer. The content of a message of the kind
/// [`Release`](crate::Kind::Release).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release(Vec<AttachmentId>);

impl Release {
    /// The most attachments that one message releases.
    pub const MAX: usize = 1024;

    /// Releases attachments: 1 to [`MAX`](Self::MAX), each once. Returns `None` for any other number.
    pub fn new(ids: impl IntoIterator<Item = AttachmentId>) -> Option<Self> {
        let mut ids: Vec<AttachmentId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        (1..=Self::MAX).contains(&ids.len()).then_some(Self(ids))
    }

    /// Returns the attachments, ascending.
    pub fn ids(&self) -> &[AttachmentId] {
        &self.0
    }

    /// Returns the content: the 32 bytes of each id, ascending.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|id| *id.as_bytes()).collect()
    }

    /// Reads the content of a message. Returns `None` if it is anything else than ids in ascending order.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ids, rest) = bytes.as_chunks();
        let ids: Vec<AttachmentId> = ids.iter().copied().map(AttachmentId).collect();
        let is_sound = rest.is_empty() && (1..=Self::MAX).contains(&ids.len()) && ids.is_sorted_by(|a, b| a < b);
        is_sound.then_some(Self(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_has_one_form() {
        let [one, two] = [1, 2].map(|byte| AttachmentId([byte; 32]));
        let release = Release::new([two, one, two]).unwrap();
        assert_eq!(release.ids(), [one, two]);
        assert_eq!(release.to_bytes(), [[1; 32], [2; 32]].concat());
        assert_eq!(Release::from_bytes(&release.to_bytes()), Some(release));
        let wrong = [vec![], vec![1; 31], vec![1; 33], vec![1; 64], [[2; 32], [1; 32]].concat()];
        assert!(wrong.iter().all(|bytes| Release::from_bytes(bytes).is_none()));
        assert_eq!(Release::new([]), None);
    }
}
