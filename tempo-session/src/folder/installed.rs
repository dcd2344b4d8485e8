//! The source of an installation's authors and keys.

use std::{error, sync::Arc};

use tempo_clock::AuthorId;
use tempo_fs_transport::{Fingerprint, Installation, Vault};
use tempo_message::{SecretKey, Sign};
use uuid::Uuid;

use crate::engine::identity::IdentitySource;

/// The source of an installation's authors. It recognizes its store by the fingerprint.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) installation: Installation,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) fingerprint: Fingerprint,
    /// The key of a new author, until it is kept.
    pub(super) drawn: Option<SecretKey>,
}

impl IdentitySource for Installed {
    fn author(&mut self) -> Result<AuthorId, Box<dyn error::Error + Send + Sync>> {
        let key = self.installation.draw()?;
        Ok(self.drawn.insert(key).key().author())
    }

    fn keep(&mut self, author: AuthorId) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        if let Some(key) = self.drawn.take_if(|key| key.key().author() == author) {
            self.installation.adopt(&key, Some(self.vault.as_ref()))?;
        }
        Ok(())
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn error::Error + Send + Sync>> {
        Ok(self.vault.load(author)?.map(|key| Box::new(key) as Box<dyn Sign>))
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where a session draws a number")]
    fn nonce(&mut self) -> u64 {
        Uuid::new_v4().as_u64_pair().0
    }

    fn place(&self) -> Option<Vec<u8>> {
        Some(self.fingerprint.to_bytes())
    }

    fn is_copy(&self, written_in: &[u8]) -> bool {
        is_of_another(&self.fingerprint, written_in)
    }
}

/// Returns whether the present store cannot be the one that was written in a place.
pub(super) fn is_of_another(now: &Fingerprint, written_in: &[u8]) -> bool {
    Fingerprint::from_bytes(written_in).is_some_and(|before| now.is_of_another_than(&before))
}
