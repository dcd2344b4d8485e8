//! The source of an installation's authors and keys.

use std::{error, sync::Arc};

use tempo_clock::AuthorId;
use tempo_fs_transport::{Fingerprint, Installation, Vault};
use tempo_message::Sign;
use uuid::Uuid;

use crate::engine::identity::IdentitySource;

/// The source of an installation's authors. It recognizes its store by the fingerprint.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) installation: Installation,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) fingerprint: Fingerprint,
}

impl IdentitySource for Installed {
    fn author(&mut self) -> Result<AuthorId, Box<dyn error::Error + Send + Sync>> {
        Ok(self.installation.mint(Some(self.vault.as_ref()))?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_has_its_own_local_state() {
        let builder = Session::builder("jam.session");
        let [notes, chat] =
            ["com.example.notes", "chat"].map(|name| builder.clone().application(name).state().unwrap());
        assert_ne!(notes, chat);
        assert!(notes.ends_with("com.example.notes/sessions"), "{notes:?}");
        let unnamed = builder.state().unwrap();
        let executable = env::current_exe().unwrap();
        assert_eq!(unnamed.parent().unwrap().file_name(), executable.file_stem());
        assert_eq!(builder.clone().application("chat").state_dir("here").state().unwrap(), Path::new("here"));
        for name in ["", ".", "..", "a/b", "a\\b", "C:", "my notes", &"a".repeat(65)] {
            let error = builder.clone().application(name).membership().unwrap_err();
            assert!(error.to_string().ends_with("choose another name, or a directory for the local state"), "{error}");
        }
    }
}
