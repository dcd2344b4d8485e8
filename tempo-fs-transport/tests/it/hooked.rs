//! The real file system with two hooks: one before a file is opened, and one after it is read. The numbers of directories
//! may repeat, and names may differ in case.

use std::{
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tempo_fs_transport::{Fs, Heritage, Reach, RealFs, Signal, Stat, Watch};
use tempo_message::FileType;

/// Calls the hooks. A file that is open is described a second time only after its content was read.
#[derive(Clone)]
pub(crate) struct Hooked {
    real: RealFs,
    opening: Arc<dyn Fn(&OsStr) + Send + Sync>,
    described: Arc<dyn Fn() + Send + Sync>,
    is_numbered_alike: bool,
    ignores_case: bool,
    crosses: bool,
}

impl Hooked {
    fn new() -> Self {
        let (opening, described) = (Arc::new(|_: &OsStr| ()), Arc::new(|| ()));
        Self {
            real: RealFs::default(),
            opening,
            described,
            is_numbered_alike: false,
            ignores_case: false,
            crosses: false,
        }
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

    /// Names that differ in case alone are one name, as on FAT.
    pub(crate) fn ignoring_case() -> Self {
        Self { ignores_case: true, ..Self::new() }
    }

    /// Nothing can be renamed from one directory into another, as between two mounts of one volume.
    #[cfg(target_os = "linux")]
    pub(crate) fn crossing() -> Self {
        Self { crosses: true, ..Self::new() }
    }

    /// Returns a name as it is spelled in a directory, if it is there.
    fn spelled(&self, dir: &Dir, name: &OsStr) -> OsString {
        let mut spelled = name.to_owned();
        if self.ignores_case {
            let _ = self.real.list(dir, &mut |there| {
                let is_it = there.eq_ignore_ascii_case(name);
                if is_it {
                    spelled = there.to_owned();
                }
                !is_it
            });
        }
        spelled
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
        self.real.open(dir, &self.spelled(dir, name))
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
        self.real.stat(dir, &self.spelled(dir, name)).map(|stat| self.numbered(stat))
    }

    fn open_dir(&self, parent: &Dir, name: &OsStr) -> io::Result<Dir> {
        self.real.open_dir(parent, &self.spelled(parent, name))
    }

    fn create_dir(&self, parent: &Dir, name: &OsStr) -> io::Result<()> {
        self.real.create_dir(parent, &self.spelled(parent, name))
    }

    fn rename_new(&self, from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
        if self.crosses && self.real.stat_dir(from)?.identity != self.real.stat_dir(to)?.identity {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        self.real.rename_new(from, name, to, &self.spelled(to, new_name))
    }

    fn sync_named(&self, dir: &Dir, name: &OsStr, reach: Reach) -> io::Result<()> {
        self.real.sync_named(dir, &self.spelled(dir, name), reach)
    }

    fn remove(&self, dir: &Dir, name: &OsStr) -> io::Result<()> {
        self.real.remove(dir, &self.spelled(dir, name))
    }

    hand_on! {
        open_root(path: &Path) -> io::Result<Dir>;
        list(dir: &Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()>;
        made_ns(dir: &Dir) -> Option<i128>;
        read(file: &mut fs::File, buffer: &mut [u8]) -> io::Result<usize>;
        create(dir: &Dir, name: &OsStr) -> io::Result<fs::File>;
        write(file: &mut fs::File, bytes: &[u8]) -> io::Result<()>;
        sync_file(file: &fs::File, reach: Reach) -> io::Result<()>;
        sync_dir(dir: &Dir, reach: Reach) -> io::Result<()>;
        rename_over(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()>;
        remove_dir(parent: &Dir, name: &OsStr) -> io::Result<()>;
        watch(folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>>;
        heritage(dir: &Dir) -> io::Result<Option<Heritage>>;
        now() -> Duration;
        random() -> u64;
    }
}
