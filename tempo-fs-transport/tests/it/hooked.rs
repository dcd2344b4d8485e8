//! The real file system with two hooks: one before a file is opened, and one after it is read. The numbers of directories
//! may repeat.

use std::{ffi::OsStr, fmt, fs, io, path::Path, sync::Arc, time::Duration};

use tempo_fs_transport::{Fs, Reach, RealFs, Signal, Stat, Watch};
use tempo_message::FileType;

/// Calls the hooks. A file that is open is described a second time only after its content was read.
#[derive(Clone)]
pub(crate) struct Hooked {
    real: RealFs,
    opening: Arc<dyn Fn(&OsStr) + Send + Sync>,
    described: Arc<dyn Fn() + Send + Sync>,
    is_numbered_alike: bool,
}

impl Hooked {
    fn new() -> Self {
        let (opening, described) = (Arc::new(|_: &OsStr| ()), Arc::new(|| ()));
        Self { real: RealFs::default(), opening, described, is_numbered_alike: false }
    }

    pub(crate) fn opening(opening: impl Fn(&OsStr) + Send + Sync + 'static) -> Self {
        Self { opening: Arc::new(opening), ..Self::new() }
    }

    pub(crate) fn described(described: impl Fn() + Send + Sync + 'static) -> Self {
        Self { described: Arc::new(described), ..Self::new() }
    }

    /// All directories have one number, as some have on `ReFS`.
    pub(crate) fn numbered_alike() -> Self {
        Self { is_numbered_alike: true, ..Self::new() }
    }

    fn numbered(&self, mut stat: Stat) -> Stat {
        if self.is_numbered_alike && stat.file_type == FileType::Directory {
            stat.identity.number = 1;
        }
        stat
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.real.fmt(formatter)
    }
}

/// Forwards the calls to the real file system.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> $answer {
            self.real.$name($($argument),*)
        })*
    };
}

type Dir = <RealFs as Fs>::Dir;

impl Fs for Hooked {
    type Dir = Dir;
    type File = fs::File;
    const MAY_BLOCK: bool = RealFs::MAY_BLOCK;

    fn open(&self, dir: &Dir, name: &OsStr) -> io::Result<fs::File> {
        (self.opening)(name);
        self.real.open(dir, name)
    }

    fn stat_file(&self, file: &fs::File) -> io::Result<Stat> {
        let stat = self.real.stat_file(file);
        (self.described)();
        stat
    }

    fn stat_dir(&self, dir: &Dir) -> io::Result<Stat> {
        self.real.stat_dir(dir).map(|stat| self.numbered(stat))
    }

    fn stat(&self, dir: &Dir, name: &OsStr) -> io::Result<Stat> {
        self.real.stat(dir, name).map(|stat| self.numbered(stat))
    }

    hand_on! {
        open_root(path: &Path) -> io::Result<Dir>;
        open_dir(parent: &Dir, name: &OsStr) -> io::Result<Dir>;
        create_dir(parent: &Dir, name: &OsStr) -> io::Result<()>;
        list(dir: &Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()>;
        made_ns(dir: &Dir) -> Option<i128>;
        read(file: &mut fs::File, buffer: &mut [u8]) -> io::Result<usize>;
        create(dir: &Dir, name: &OsStr) -> io::Result<fs::File>;
        write(file: &mut fs::File, bytes: &[u8]) -> io::Result<()>;
        sync_file(file: &fs::File, reach: Reach) -> io::Result<()>;
        sync_named(dir: &Dir, name: &OsStr, reach: Reach) -> io::Result<()>;
        sync_dir(dir: &Dir, reach: Reach) -> io::Result<()>;
        rename_new(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()>;
        rename_over(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()>;
        remove(dir: &Dir, name: &OsStr) -> io::Result<()>;
        remove_dir(parent: &Dir, name: &OsStr) -> io::Result<()>;
        watch(folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>>;
        now() -> Duration;
        random() -> u64;
    }
}
