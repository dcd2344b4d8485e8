//! The remains of a disk after a power loss.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::tree::{Kind, Tree};
use crate::Rng;

impl Tree {
    /// Keeps what is durable, and any part of the rest that a file system may keep.
    ///
    /// Names: a journal (NTFS: `in_order`) keeps a prefix of the steps, other file systems any selection; each step
    /// whole. Of unsynced content, nothing, a beginning, zeros or all of it remain.
    pub(super) fn crash(&mut self, rng: &mut Rng, in_order: bool) {
        let pending = std::mem::take(&mut self.pending);
        let steps: BTreeSet<u64> = pending.iter().map(|change| change.step).collect();
        let kept: BTreeSet<u64> = if in_order || rng.chance(500) {
            let length = rng.below(steps.len() + 1);
            steps.into_iter().take(length).collect()
        } else {
            steps.into_iter().filter(|_| rng.chance(500)).collect()
        };
        for change in pending.into_iter().filter(|change| kept.contains(&change.step)) {
            self.set_durable(change.dir, &change.name, change.to);
        }
        for node in &mut self.nodes {
            if node.kind == Kind::Directory {
                if node.names != node.durable_names {
                    node.names = node.durable_names.clone();
                    node.version += 1;
                }
            } else if node.durable.as_ref() != Some(&node.content) {
                node.content = remains(node.durable.as_ref(), &node.content, rng);
                node.durable = Some(node.content.clone());
                node.version += 1;
            }
        }
    }
}

fn remains(durable: Option<&Bytes>, written: &Bytes, rng: &mut Rng) -> Bytes {
    match rng.below(4) {
        0 => durable.cloned().unwrap_or_default(),
        1 => written.slice(..rng.below(written.len() + 1)),
        2 => {
            let begins = rng.below(written.len() + 1);
            let mut bytes = written.to_vec();
            for byte in bytes.iter_mut().skip(begins) {
                *byte = 0;
            }
            Bytes::from(bytes)
        }
        _ => written.clone(),
    }
}
