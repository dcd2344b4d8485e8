//! Typed values instead of bytes.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};
use tempo_message::{Codec, CodecError, MessageId, Postcard};

use crate::{api::session::Session, engine::entry::Entry, errors::SendError};

/// A session whose messages are values of one type.
///
/// The type is the application's protocol, and members with different versions of it must still understand
/// each other. Give it a version, or use an enum that only grows at its end.
#[derive(Debug)]
pub struct Typed<T, C = Postcard> {
    session: Session,
    types: PhantomData<fn(T) -> C>,
}

impl Session {
    /// Sends and reads values of one type instead of bytes, in the postcard format.
    pub fn typed<T>(&self) -> Typed<T, Postcard> {
        self.typed_as()
    }

    /// Sends and reads values of one type in a format of your choice.
    pub fn typed_as<T, C: Codec>(&self) -> Typed<T, C> {
        Typed { session: self.clone(), types: PhantomData }
    }
}

impl<T, C: Codec> Typed<T, C> {
    /// Returns the session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Sends a value.
    ///
    /// # Errors
    ///
    /// [`SendError::Codec`] when the value has no encoding. Otherwise as for [`Session::send`].
    pub fn send(&self, value: &T) -> Result<MessageId, SendError>
    where
        T: Serialize,
    {
        self.session.send(C::encode(value)?)
    }

    /// Sends several values, either all of them or none.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_all<'a>(&self, values: impl IntoIterator<Item = &'a T>) -> Result<Vec<MessageId>, SendError>
    where
        T: Serialize + 'a,
    {
        let payloads: Vec<Vec<u8>> = values.into_iter().map(C::encode).collect::<Result<_, _>>()?;
        self.session.send_all(payloads)
    }

    /// Returns the value of a message.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the payload is not such a value, because another version of the application wrote
    /// it.
    pub fn read(&self, entry: &Entry) -> Result<T, CodecError>
    where
        T: DeserializeOwned,
    {
        C::decode(&entry.payload)
    }
}

impl<T, C> Clone for Typed<T, C> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone(), types: PhantomData }
    }
}
