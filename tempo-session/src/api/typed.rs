//! Typed values instead of bytes.

use std::{any, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use tempo_message::{Codec, CodecError, MessageId, Postcard};
use thiserror::Error;

use crate::{api::session::Session, engine::entry::Entry, errors::SendError};

/// A session whose messages are values of one type.
///
/// The type is the application's protocol, and members with different versions of it must still understand each other.
/// In postcard, use an enum that only grows at its end, and never change a variant that was sent; a field with a default
/// does not help there. [`Codec`] says what else works.
#[derive(Debug)]
pub struct Typed<T, C = Postcard> {
    session: Session,
    types: PhantomData<fn(T) -> C>,
}

/// A message that is not a value of the expected type, as this version of the application knows it.
///
/// Usually a later version of the application has written it. Do not drop it silently: keep its [id](Self::id), so that
/// people learn that a member uses a version that this one does not understand.
#[derive(Debug, Error)]
#[error("message {id} is not a {expected} as this version of the application knows it")]
#[non_exhaustive]
pub struct Unread {
    /// The id of the message.
    pub id: MessageId,
    /// The name of the type.
    pub expected: &'static str,
    /// What is wrong with its bytes.
    pub source: CodecError,
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
    /// [`Unread`] when the payload is not such a value, because another version of the application wrote it.
    pub fn read(&self, entry: &Entry) -> Result<T, Unread>
    where
        T: DeserializeOwned,
    {
        Self::read_entry(entry)
    }

    /// Does what [`read`](Self::read) does, without a session: for a [`Reducer`](crate::replica::Reducer).
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_entry(entry: &Entry) -> Result<T, Unread>
    where
        T: DeserializeOwned,
    {
        let unread = |source| Unread { id: entry.id, expected: any::type_name::<T>(), source };
        C::decode(&entry.payload).map_err(unread)
    }
}

impl<T, C> Clone for Typed<T, C> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone(), types: PhantomData }
    }
}
