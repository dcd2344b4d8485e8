//! Listing directories of any size, some names at a time.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io, mem,
    sync::Arc,
    time::Duration,
};

use tempo_message::CollectRequest;

use crate::{
    fs::{
        calls::{About, Calls},
        port::{Fs, Stat},
        worker::Outlet,
    },
    scan::{
        author_dir::{AuthorDir, Candidate},
        root::Root,
    },
};

/// The names that are passed on together.
const TOGETHER: usize = 256;

/// Passes on the names in a directory, some at a time, until `each` returns false.
pub(crate) fn list_each<F: Fs>(
    calls: &mut Calls<F>,
    about: About,
    dir: &Arc<F::Dir>,
    mut each: impl FnMut(Vec<OsString>) -> bool,
) -> io::Result<()> {
    let (dir, mut failed) = (Arc::clone(dir), Ok(()));
    let list = move |fs: &F, outlet: &mut Outlet<io::Result<Vec<OsString>>>| {
        let mut names = Vec::new();
        let listed = fs.list(&dir, &mut |name| {
            names.push(name.to_owned());
            names.len() < TOGETHER || outlet.put(Ok(mem::take(&mut names)))
        });
        outlet.put(listed.map(|()| names));
    };
    calls.run_each(about, list, |names| match names {
        Ok(names) => each(names),
        Err(error) => {
            failed = Err(error);
            false
        }
    })?;
    failed
}

/// Lists an author's directory and chooses the files to be read in it; returns the copies of messages that it has met.
pub(crate) fn list_place<F: Fs>(
    calls: &mut Calls<F>,
    root: &Root<F>,
    name: &OsStr,
    (author_dir, author_dirs): (&mut AuthorDir, usize),
    want: &CollectRequest<'_>,
    now: Duration,
) -> io::Result<BTreeSet<u64>> {
    let about = About::Directory(name.to_owned());
    let (parent, own) = (Arc::clone(&root.dir), name.to_owned());
    let opened = calls.run(about.clone(), move |fs| {
        let dir = fs.open_dir(&parent, &own)?;
        io::Result::Ok((fs.stat_dir(&dir)?.version(), fs.now(), Arc::new(dir)))
    });
    let (version, at, dir) = opened.flatten()?;
    let mut listing = author_dir.begin_listing(want, author_dirs);
    list_each(calls, about.clone(), &dir, |names| {
        author_dir.take_names(&mut listing, names, want, now);
        true
    })?;
    look_again(calls, about, dir, author_dir, mem::take(&mut listing.doubtful), now)?;
    author_dir.end_listing(version, at);
    Ok(listing.copies)
}

/// Lists a directory whose names are not on this machine, without waiting: the system fetches them,
/// and from then on the directory is an ordinary one. Only while hardly any call is late.
pub(crate) fn fill<F: Fs>(calls: &mut Calls<F>, root: &Root<F>, name: &OsStr) {
    let (parent, own) = (Arc::clone(&root.dir), name.to_owned());
    calls.begin(About::Directory(own.clone()), move |fs| {
        let dir = fs.open_dir(&parent, &own)?;
        fs.list(&dir, &mut |_| false)
    });
}

/// Examines files again that were examined before.
fn look_again<F: Fs>(
    calls: &mut Calls<F>,
    about: About,
    dir: Arc<F::Dir>,
    author_dir: &mut AuthorDir,
    doubtful: Vec<Candidate>,
    now: Duration,
) -> io::Result<()> {
    if doubtful.is_empty() {
        return Ok(());
    }
    let names: Vec<OsString> = doubtful.iter().map(|item| item.name.clone()).collect();
    let mut items = doubtful.into_iter();
    calls.run_each(
        about,
        move |fs, outlet: &mut Outlet<io::Result<Stat>>| {
            let _ = names.iter().all(|name| outlet.put(fs.stat(&dir, name)));
        },
        |stat| {
            if let Some(item) = items.next() {
                author_dir.take_stat(item, stat, now);
            }
            true
        },
    )
}
