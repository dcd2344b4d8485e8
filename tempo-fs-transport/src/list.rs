//! Listing directories of any size, some names at a time.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io, mem,
    sync::Arc,
    time::Duration,
};

use tempo_message::Want;

use crate::{
    Fs, Stat,
    calls::{About, Calls},
    door::Root,
    offload::Outlet,
    place::{Item, Place},
};

/// So many names are handed over together.
const TOGETHER: usize = 256;

/// Hands over the names of a directory.
pub(crate) fn list_names<F: Fs>(fs: &F, dir: &F::Dir, outlet: &mut Outlet<io::Result<Vec<OsString>>>) {
    let mut together = Vec::new();
    let listed = fs.list(dir, &mut |name| {
        together.push(name.to_owned());
        together.len() < TOGETHER || outlet.put(Ok(mem::take(&mut together)))
    });
    outlet.put(listed.map(|()| together));
}

/// Lists an author's directory and chooses what is to be read in it; the copies of messages that it has met are returned.
pub(crate) fn list_place<F: Fs>(
    calls: &mut Calls<F>,
    root: &Root<F>,
    name: &OsStr,
    (place, places): (&mut Place, usize),
    want: &Want<'_>,
    now: Duration,
) -> io::Result<BTreeSet<u64>> {
    let about = About::Directory(name.to_owned());
    let (parent, own) = (Arc::clone(&root.dir), name.to_owned());
    let opened = calls.run(about.clone(), move |fs| {
        let dir = fs.open_dir(&parent, &own)?;
        let stat = fs.stat_dir(&dir)?;
        io::Result::Ok((Arc::new(dir), stat))
    })?;
    let (dir, stat) = opened?;
    let mut listing = place.begin_listing(want, places);
    let mut failed = Ok(());
    let listed = Arc::clone(&dir);
    calls.run_each(
        about.clone(),
        move |fs, outlet| list_names(fs, &listed, outlet),
        |some: io::Result<Vec<OsString>>| {
            match some {
                Ok(names) => place.take_names(&mut listing, names.into_iter(), want, now),
                Err(error) => failed = Err(error),
            }
            true
        },
    )?;
    failed?;
    let copies = mem::take(&mut listing.copies);
    look_again(calls, about, dir, place, listing, now)?;
    place.end_listing(stat.version(), now);
    Ok(copies)
}

/// Looks at what was looked at before.
fn look_again<F: Fs>(
    calls: &mut Calls<F>,
    about: About,
    dir: Arc<F::Dir>,
    place: &mut Place,
    mut listing: crate::place::Listing,
    now: Duration,
) -> io::Result<()> {
    let doubtful = mem::take(&mut listing.doubtful);
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
                let item: Item = item;
                place.take_stat(&listing, item, stat, now);
            }
            true
        },
    )
}
