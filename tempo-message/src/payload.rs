//! Typed payloads.

use alloc::vec::Vec;

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Turns values into payloads and back.
///
/// Contract: `decode(encode(v)) == v`. Decoding uses every byte and depends on nothing else. Neither codec here handles
/// schema changes: put a version into your own type if it may change.
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
    /// Bytes follow the value.
    #[error("{left} bytes are left after the value")]
    Trailing {
        /// The number of bytes left.
        left: usize,
    },
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
