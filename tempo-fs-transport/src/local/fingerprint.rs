//! What tells a file from a copy of it.

use std::{fs, io, path::Path, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tempo_message::Digest;

use crate::fs::real;

/// The machine and the place on it where a file lies. A copy has another one; a file that was only moved within its
/// volume, or whose content has changed, has the same, and so has one that several machines see on a network drive.
///
/// What cannot be found out is not compared: a system without an identity, a file system that does not keep when a file
/// was made. An image of a whole machine has the fingerprints of the machine; nothing here can tell those two apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// A digest of what the system calls itself.
    pub machine: Option<Digest>,
    /// When the file was made, in nanoseconds since 1970.
    pub made_ns: Option<i128>,
    /// The number of the file on its volume. Some file systems invent it anew whenever they are mounted, so that it says
    /// something only together with the time.
    pub number: Option<u64>,
}

impl Fingerprint {
    /// The fingerprint of a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be looked at.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        let made = metadata.created().ok();
        let made_ns = made.and_then(|made| i128::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok());
        Ok(Self { machine: machine(), made_ns, number: Some(real::number(file)?) })
    }

    /// The fingerprint as bytes, for a store to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Into a vector, and of types that all can be written.
        postcard::to_extend(self, Vec::new()).unwrap_or_default()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written; `None` when the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Whether this cannot be the file that had the fingerprint `before`.
    ///
    /// The same file seen by another machine is no copy: it lies on a network drive, or its disk was put into another
    /// computer. An image of a disk looks the same; that shows by the lives that heads tell of.
    pub fn is_of_another_than(&self, before: &Self) -> bool {
        let differ = |a: Option<Digest>, b: Option<Digest>| a.zip(b).is_some_and(|(a, b)| a != b);
        let is_made_again = self.made_ns.zip(before.made_ns).is_some_and(|(a, b)| a != b);
        let is_numbered_alike = self.number.zip(before.number).is_some_and(|(a, b)| a == b);
        let is_certainly_one = is_numbered_alike && !is_made_again;
        (differ(self.machine, before.machine) && !is_certainly_one) || (is_made_again && !is_numbered_alike)
    }
}

/// What the system calls itself is nobody else's business, so only a digest of it is kept.
fn machine() -> Option<Digest> {
    let id = machine_uid::get().ok()?;
    Some(Digest::of(format!("tempo {id}").as_bytes()))
}
