//! The name of a message: its author and its place in the author's own numbering.

use core::{fmt, str::FromStr};

use tempo_clock::AuthorId;
use thiserror::Error;

/// An author and the counter of one of its messages.
///
/// Displayed and parsed in exactly one form, the path of the message's file below the session folder: the author in
/// canonical form, a slash, and the counter as 16 lower-case hex digits.
///
/// ```
/// # use tempo_message::MessageId;
/// let id: MessageId = "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f/00000000000003e8".parse()?;
/// assert_eq!(id.counter, 1000);
/// # Ok::<(), tempo_message::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The author of the message.
    pub author: AuthorId,
    /// The message's number among its author's, dense, from one.
    pub counter: u64,
}

/// As its path in formats for people, otherwise as author and counter: payloads may refer to messages.
impl serde::Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.author, self.counter).serialize(serializer)
        }
    }
}

impl<'de> serde::Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = alloc::string::String::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        let (author, counter) = <(AuthorId, u64)>::deserialize(deserializer)?;
        match counter {
            0 => Err(serde::de::Error::custom("counters begin with one")),
            _ => Ok(Self { author, counter }),
        }
    }
}

/// A counter as it stands in a file name: exactly 16 lower-case hex digits, never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterName([u8; 16]);

impl CounterName {
    /// The number of bytes of every counter name.
    pub const LEN: usize = 16;

    /// Spells a counter.
    pub fn new(counter: u64) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut name = [b'0'; Self::LEN];
        for (place, byte) in name.iter_mut().rev().enumerate() {
            let nibble = (counter >> (4 * place)) & 0xf;
            *byte = DIGITS.get(usize::try_from(nibble).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        Self(name)
    }

    /// Reads a counter; `None` for any other length, for upper case, for signs and for zero.
    pub fn parse(name: &[u8]) -> Option<u64> {
        if name.len() != Self::LEN {
            return None;
        }
        let counter = name.iter().try_fold(0_u64, |value, &byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            Some(value << 4 | u64::from(digit))
        })?;
        (counter > 0).then_some(counter)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits are ever put in.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The text is not an author, a slash and a counter in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a message id: expected a lower-case uuid, a slash and 16 lower-case hex digits above zero")]
pub struct ParseIdError;

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (author, counter) = text.split_once('/').ok_or(ParseIdError)?;
        Ok(Self {
            author: author.parse().map_err(|_| ParseIdError)?,
            counter: CounterName::parse(counter.as_bytes()).ok_or(ParseIdError)?,
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.author, CounterName::new(self.counter))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
