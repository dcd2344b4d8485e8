//! The author of a message.

use core::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// One installation of an application in one session.
///
/// A person with two laptops is two authors. The installation mints its own identity and never adopts an
/// existing one: it writes only under an author that it has made itself.
///
/// The only text form is 36 characters, lower case and hyphenated (`7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f`).
/// Authors are ordered by their sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AuthorId(Uuid);

impl AuthorId {
    /// Makes an author from any uuid.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Makes an author from the sixteen bytes of a uuid, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Returns the uuid.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Returns the sixteen bytes of the uuid, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Parses the canonical form from bytes, as used in file names.
    ///
    /// # Errors
    ///
    /// [`ParseAuthorError`] for every other spelling of a uuid: upper case, without hyphens, or in braces.
    pub fn parse(text: &[u8]) -> Result<Self, ParseAuthorError> {
        let uuid = Uuid::try_parse_ascii(text).map_err(|_| ParseAuthorError)?;
        let mut canonical = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut canonical).as_bytes() == text {
            Ok(Self(uuid))
        } else {
            Err(ParseAuthorError)
        }
    }
}

/// An error for text that is not a uuid in lower-case hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a lower-case hyphenated uuid")]
pub struct ParseAuthorError;

impl From<[u8; 16]> for AuthorId {
    fn from(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<Uuid> for AuthorId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for AuthorId {
    type Err = ParseAuthorError;

    fn from_str(text: &str) -> Result<Self, ParseAuthorError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for AuthorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for AuthorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
