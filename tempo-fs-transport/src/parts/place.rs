//! The directories of parts: every author's own, in copies of it, in relays, and in other parts of the folder.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
};

use tempo_message::{AuthorId, FileType};

use crate::{
    format::name::{DirName, FILES},
    fs::{error::is_absence, port::Fs},
    parts::site::Site,
    split::contents::members,
};

/// The opened folder and the other parts of it, for one call.
pub(super) struct Places<F: Fs> {
    roots: Vec<(PathBuf, F::Dir)>,
    /// Those where people look first come first.
    pub(super) places: Vec<Place>,
}

/// A directory that may have a directory of parts in it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: usize,
    dir: OsString,
}

impl<F: Fs> Places<F> {
    /// Finds the places of one author, in its own directory alone, or those of all.
    pub(super) fn find(site: &Site<F>, root: F::Dir, within: Option<AuthorId>) -> io::Result<Self> {
        let mut roots = vec![(site.path.clone(), root)];
        if let Some(author) = within {
            return Ok(Self { roots, places: vec![Place { root: 0, dir: DirName::of(author, None) }] });
        }
        let mut places = Vec::new();
        if let Some((_, root)) = roots.first() {
            let names = members(&site.fs, root)?;
            site.meet(names.iter().map(|(name, _)| name.as_os_str()));
            places.extend(names.into_iter().map(|(dir, _)| Place { root: 0, dir }));
        }
        for (path, root, authors) in site.enter_pieces() {
            // What cannot be listed now is found by a later look.
            let names = members(&site.fs, &root).unwrap_or_default();
            let admitted = names.into_iter().filter(|(_, author)| authors.contains(author));
            places.extend(admitted.map(|(dir, _)| Place { root: roots.len(), dir }));
            roots.push((path, root));
        }
        places.sort_by_key(|place| (place.root, !matches!(DirName::parse(&place.dir), DirName::Author(_))));
        Ok(Self { roots, places })
    }

    /// Opens the directory of parts in a place; `None` if there is none.
    pub(super) fn open(&self, fs: &F, place: &Place, fetch: bool) -> io::Result<Option<F::Dir>> {
        let Some((_, root)) = self.roots.get(place.root) else { return Ok(None) };
        let Some(dir) = enter(fs, root, &place.dir, fetch)? else { return Ok(None) };
        enter(fs, &dir, OsStr::new(FILES), fetch)
    }

    /// Returns the path of the directory of parts in a place.
    pub(super) fn path(&self, place: &Place) -> PathBuf {
        let root = self.roots.get(place.root).map(|(path, _)| path.clone()).unwrap_or_default();
        root.join(&place.dir).join(FILES)
    }
}

/// Opens a directory in a directory; `None` if nothing is there. Opening one whose names are not here fetches them.
fn enter<F: Fs>(fs: &F, parent: &F::Dir, name: &OsStr, fetch: bool) -> io::Result<Option<F::Dir>> {
    let opened = fs.stat(parent, name).and_then(|stat| match stat.file_type {
        FileType::Directory if stat.online_only && !fetch => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "it is online only"))
        }
        FileType::Directory => fs.open_dir(parent, name),
        _ => Err(io::Error::new(io::ErrorKind::NotADirectory, "something else has the name of a directory")),
    });
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether an error means that there is no directory of parts.
pub(super) fn is_none(error: &io::Error) -> bool {
    is_absence(error)
}
