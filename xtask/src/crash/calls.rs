//! The counted system calls: those that touch files, and the end of the process.

use nix::libc;

/// One kind of system call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) number: libc::c_long,
    pub(super) name: &'static str,
    pub(super) about: About,
}

/// The subject of a call. It gives the call a name; a call that is not about files is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The path in this argument.
    Path(usize),
    /// The file that is open under the first argument.
    File,
    /// The open file, but only for the commands of `fcntl` that lock.
    Lock,
    /// The process.
    Nothing,
}

macro_rules! calls {
    ($($name:ident $number:ident $about:expr;)*) => {
        &[$(Call { number: libc::$number, name: stringify!($name), about: $about }),*]
    };
}

/// `close` is missing: it takes effect even if it returns an error, and it changes nothing on the disk.
const CALLS: &[Call] = calls! {
    open SYS_open About::Path(0);
    openat SYS_openat About::Path(1);
    creat SYS_creat About::Path(0);
    read SYS_read About::File;
    readv SYS_readv About::File;
    pread64 SYS_pread64 About::File;
    write SYS_write About::File;
    writev SYS_writev About::File;
    pwrite64 SYS_pwrite64 About::File;
    copy_file_range SYS_copy_file_range About::File;
    fsync SYS_fsync About::File;
    fdatasync SYS_fdatasync About::File;
    sync_file_range SYS_sync_file_range About::File;
    ftruncate SYS_ftruncate About::File;
    fallocate SYS_fallocate About::File;
    flock SYS_flock About::File;
    fcntl SYS_fcntl About::Lock;
    getdents64 SYS_getdents64 About::File;
    fstat SYS_fstat About::File;
    fstatfs SYS_fstatfs About::File;
    stat SYS_stat About::Path(0);
    lstat SYS_lstat About::Path(0);
    newfstatat SYS_newfstatat About::Path(1);
    statx SYS_statx About::Path(1);
    statfs SYS_statfs About::Path(0);
    access SYS_access About::Path(0);
    faccessat SYS_faccessat About::Path(1);
    faccessat2 SYS_faccessat2 About::Path(1);
    readlink SYS_readlink About::Path(0);
    readlinkat SYS_readlinkat About::Path(1);
    mkdir SYS_mkdir About::Path(0);
    mkdirat SYS_mkdirat About::Path(1);
    rmdir SYS_rmdir About::Path(0);
    rename SYS_rename About::Path(0);
    renameat SYS_renameat About::Path(1);
    renameat2 SYS_renameat2 About::Path(1);
    link SYS_link About::Path(0);
    linkat SYS_linkat About::Path(1);
    unlink SYS_unlink About::Path(0);
    unlinkat SYS_unlinkat About::Path(1);
    utimensat SYS_utimensat About::Path(1);
    inotify_init1 SYS_inotify_init1 About::Nothing;
    inotify_add_watch SYS_inotify_add_watch About::Path(1);
    exit_group SYS_exit_group About::Nothing;
};

impl Call {
    /// Returns the call with this number, if it is counted.
    pub(super) fn of(number: u64) -> Option<&'static Self> {
        CALLS.iter().find(|call| u64::try_from(call.number) == Ok(number))
    }

    /// Returns whether the call writes bytes and has their number as an argument, so that it can be cut short.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.name, "write" | "pwrite64")
    }

    /// Returns whether the call can fail.
    pub(super) fn can_fail(&self) -> bool {
        self.name != "exit_group"
    }
}

/// Returns whether a command of `fcntl` takes a lock or asks about one.
pub(super) fn locks(command: u64) -> bool {
    let commands =
        [libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_GETLK, libc::F_OFD_SETLK, libc::F_OFD_SETLKW];
    commands.iter().any(|&known| u64::try_from(known) == Ok(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_their_numbers() {
        for call in CALLS {
            let number = u64::try_from(call.number).unwrap();
            assert_eq!(Call::of(number), Some(call), "two calls have the number {number}");
        }
        assert_eq!(Call::of(u64::MAX), None);
    }
}
