//! The port to a file system, and the systems behind it.

pub(crate) mod calls;
pub(crate) mod error;
mod online;
pub(crate) mod port;
pub(crate) mod real;
mod resolve;
pub(crate) mod retry;
#[cfg(unix)]
mod unix;
mod watcher;
#[cfg(windows)]
mod windows;
pub(crate) mod worker;

#[cfg(not(any(unix, windows)))]
compile_error!(
    "tempo-fs-transport knows the file systems of Unix and Windows; another system needs a module beside \
     src/fs/unix.rs that keeps the promises of the `Fs` port"
);
