//! Typed payloads.

use alloc::{boxed::Box, vec::Vec};
use core::error::Error as StdError;

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Turns values into payloads and back.
///
/// Contract: `decode(encode(v)) == v`. Decoding uses every byte and depends on nothing else. A codec of your own reports
/// its errors with [`CodecError::other`].
///
/// # Types that change
///
/// Messages stay for ever, and other members may have another version of the application. [`Postcard`] stores neither
/// names nor lengths of fields. So a type that gets, loses or moves a field reads no earlier message, even if the field
/// has a default. What works:
///
/// - **An enum that only grows at its end**, in postcard. Do not change a variant that was ever sent: add one, such as
///   `AddV2`, and keep reading the earlier one. Earlier versions of the application report the new variant as an error.
/// - **A format with names**, such as `Json`. A new field with `#[serde(default)]` reads earlier messages, and earlier
///   versions ignore it unless they `deny_unknown_fields`.
pub trait Codec {
    /// Turns a value into bytes.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the value has no such form, for instance a map with composite keys in JSON.
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError>;

    /// Turns bytes into a value.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the bytes are not exactly one value of this type.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// Compact binary payloads in the postcard format: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postcard;

/// Payloads that people and other languages can read. Feature `json`.
#[cfg(feature = "json")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

/// The reason why a value could not be encoded or decoded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// From the postcard format.
    #[error("not a postcard value of the expected type")]
    Postcard(#[source] postcard::Error),
    /// From JSON.
    #[cfg(feature = "json")]
    #[error("not a JSON value of the expected type")]
    Json(#[source] serde_json::Error),
    /// From another codec.
    #[error("not a value of the expected type")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
    /// Bytes follow the value.
    #[error("{left} bytes are left after the value")]
    Trailing {
        /// The number of bytes left.
        left: usize,
    },
}

impl CodecError {
    /// Wraps the error of a codec of your own.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl Codec for Postcard {
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        postcard::to_allocvec(value).map_err(CodecError::Postcard)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        match postcard::take_from_bytes(bytes).map_err(CodecError::Postcard)? {
            (value, []) => Ok(value),
            (_, rest) => Err(CodecError::Trailing { left: rest.len() }),
        }
    }
}

#[cfg(feature = "json")]
impl Codec for Json {
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(CodecError::Json)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::Json)
    }
}
