//! Distinguishing a file from a copy of it.

use std::{fs, io, path::Path, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tempo_message::Digest;

use crate::fs::real;

/// The machine and the place on it where a file is. A copy has another one. A file that was only
/// moved within its volume, or whose content has changed, keeps it, and several machines see the
/// same one on a network drive.
///
/// Unknown parts are not compared: a system without an identity, a file system that does not record
/// when a file was made. An image of a whole machine has the fingerprints of the machine; the two
/// cannot be distinguished here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// A digest of the system's identity.
    pub machine: Option<Digest>,
    /// When the file was made, in nanoseconds since 1970.
    pub made_ns: Option<i128>,
    /// The number of the file on its volume. Some file systems assign new ones at each mount, so it
    /// counts only together with the time.
    pub number: Option<u64>,
}

impl Fingerprint {
    /// Returns the fingerprint of a file.
    ///
    /// # Errors
    ///
    /// The file cannot be examined.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        let made = metadata.created().ok();
        let made_ns = made.and_then(|made| i128::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok());
        Ok(Self { machine: machine(), made_ns, number: Some(real::number(file)?) })
    }

    /// Returns the fingerprint as bytes, for a store to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing plain data into a vector cannot fail.
        postcard::to_extend(self, Vec::new()).unwrap_or_default()
    }

    /// Reads the bytes of [`to_bytes`](Self::to_bytes); `None` when they are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Returns whether this cannot be the file that had the fingerprint `before`.
    ///
    /// A file that another machine sees is no copy: it is on a network drive, or its disk was put
    /// into another computer. A file on an image of a disk looks like that as well; the lives in
    /// heads show it.
    pub fn is_of_another_than(&self, before: &Self) -> bool {
        let differ = |a: Option<Digest>, b: Option<Digest>| a.zip(b).is_some_and(|(a, b)| a != b);
        let is_made_again = self.made_ns.zip(before.made_ns).is_some_and(|(a, b)| a != b);
        let is_numbered_alike = self.number.zip(before.number).is_some_and(|(a, b)| a == b);
        let is_certainly_one = is_numbered_alike && !is_made_again;
        (differ(self.machine, before.machine) && !is_certainly_one) || (is_made_again && !is_numbered_alike)
    }
}

/// The system's identity is private, so only its digest is kept.
fn machine() -> Option<Digest> {
    let id = machine_uid::get().ok()?;
    Some(Digest::of(format!("tempo {id}").as_bytes()))
}
