//! Where the folder is, for a handle that another thread uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tempo_message::{AuthorId, CollectError, Detachment};

use crate::{
    error::absent,
    fs::port::{Fs, Identity},
    options::Options,
    scan::{
        folder::{FAMILIAR, Folder},
        root::Locator,
    },
    split,
};

/// What a handle needs to find the folder again, and to see that it is the same. It keeps nothing open: an open handle
/// would keep the volume from being unmounted.
#[derive(Debug)]
pub(crate) struct Site<F: Fs> {
    pub(super) fs: F,
    pub(super) path: PathBuf,
    pub(super) read_only: bool,
    /// A directory outside the folder where parts are written, on the same volume if possible.
    pub(super) staging: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    folder: Locator,
    /// The last scan found none of the expected authors.
    is_emptied: bool,
    pieces: Vec<Piece>,
    /// The directories of parts that were made ready, by author.
    ready: BTreeMap<AuthorId, Identity>,
    /// Nothing can be renamed from the staging directory into the folder.
    stages_inside: bool,
}

/// Another part of a split folder, and the authors that are read in it.
pub(super) type Piece = (Locator, BTreeSet<AuthorId>);

impl<F: Fs> Site<F> {
    pub(crate) fn new(folder: &Folder<F>, options: &Options) -> Self {
        let state = State {
            folder: locator(folder),
            is_emptied: false,
            pieces: Vec::new(),
            ready: BTreeMap::new(),
            stages_inside: false,
        };
        Self {
            fs: folder.calls.fs.clone(),
            path: folder.path.clone(),
            read_only: options.read_only,
            staging: options.staging.clone(),
            state: Mutex::new(state),
        }
    }

    /// Takes over what the transport knows of the folder.
    pub(crate) fn update(&self, folder: &Folder<F>, pieces: &split::parts::Parts<F>) {
        let mut state = self.lock();
        state.folder = locator(folder);
        state.is_emptied = folder.is_emptied;
        state.pieces = pieces.locators().collect();
    }

    /// Opens the folder, provided that it is the one that was scanned.
    pub(super) fn enter(&self) -> Result<F::Dir, CollectError> {
        let (folder, is_emptied) = {
            let state = self.lock();
            (state.folder.clone(), state.is_emptied)
        };
        let place = || self.path.display().to_string();
        match folder.open_patiently(&self.fs) {
            Ok(Some(dir)) if !is_emptied => Ok(dir),
            // Its members are unknown.
            Ok(_) => Err(CollectError::Detached { place: place(), why: Detachment::Emptied }),
            Err(error) => Err(absent(place(), error)),
        }
    }

    /// Opens the other parts of the folder that can be opened.
    pub(super) fn enter_pieces(&self) -> Vec<(PathBuf, F::Dir, BTreeSet<AuthorId>)> {
        let pieces = self.lock().pieces.clone();
        let open = |(piece, authors): Piece| {
            let dir = piece.open_patiently(&self.fs).ok().flatten()?;
            Some((piece.path().to_owned(), dir, authors))
        };
        pieces.into_iter().filter_map(open).collect()
    }

    /// Remembers directories of authors by which the folder is known again, until the transport has scanned it.
    pub(super) fn meet<'a>(&self, names: impl Iterator<Item = &'a OsStr>) {
        self.lock().folder.meet(names.take(FAMILIAR).map(Arc::from));
    }

    pub(super) fn is_ready(&self, author: AuthorId, files: Identity) -> bool {
        self.lock().ready.get(&author) == Some(&files)
    }

    pub(super) fn note_ready(&self, author: AuthorId, files: Identity) {
        self.lock().ready.insert(author, files);
    }

    /// Returns the staging directory, unless it has proven to be useless.
    pub(super) fn staging(&self) -> Option<&Path> {
        self.staging.as_deref().filter(|_| !self.lock().stages_inside)
    }

    pub(super) fn stage_inside(&self) {
        self.lock().stages_inside = true;
    }

    /// Every change is a single assignment, so the state is sound even after a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn locator<F: Fs>(folder: &Folder<F>) -> Locator {
    folder.locator(folder.author_dirs.keys().take(FAMILIAR))
}
