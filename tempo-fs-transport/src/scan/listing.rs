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
    fs::{
        calls::{About, Calls},
        offload::Outlet,
        port::{Fs, Stat},
    },
    scan::{
        author_dir::{Item, Listing, Place},
        root::Root,
    },
};

/// So many names are handed over together.
const TOGETHER: usize = 256;

/// What listing an author's directory shows, one thing after the other.
#[derive(Debug)]
enum Step<F: Fs> {
    Opened(Arc<F::Dir>, Stat, Duration),
    Names(Vec<OsString>),
}

/// Hands over the names of a directory, until that says false.
pub(crate) fn list_names<F: Fs>(fs: &F, dir: &F::Dir, mut put: impl FnMut(io::Result<Vec<OsString>>) -> bool) {
    let mut together = Vec::new();
    let listed = fs.list(dir, &mut |name| {
        together.push(name.to_owned());
        together.len() < TOGETHER || put(Ok(mem::take(&mut together)))
    });
    put(listed.map(|()| together));
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
    let (mut begun, mut failed) = (None::<(_, Stat, Duration, Listing)>, Ok(()));
    calls.run_each(
        about.clone(),
        move |fs, outlet| match fs.open_dir(&parent, &own).and_then(|dir| Ok((fs.stat_dir(&dir)?, Arc::new(dir)))) {
            Ok((stat, dir)) => {
                if outlet.put(Ok(Step::Opened(Arc::clone(&dir), stat, fs.now()))) {
                    list_names(fs, &dir, |names| outlet.put(names.map(Step::Names)));
                }
            }
            Err(error) => drop(outlet.put(Err(error))),
        },
        |step: io::Result<Step<F>>| {
            match (step, &mut begun) {
                (Ok(Step::Opened(dir, stat, at)), _) => {
                    begun = Some((dir, stat, at, place.begin_listing(want, places)));
                }
                (Ok(Step::Names(names)), Some((.., listing))) => {
                    place.take_names(listing, names.into_iter(), want, now);
                }
                (Ok(Step::Names(_)), None) => {}
                (Err(error), _) => failed = Err(error),
            }
            true
        },
    )?;
    failed?;
    let Some((dir, stat, at, mut listing)) = begun else { return Ok(BTreeSet::new()) };
    let copies = mem::take(&mut listing.copies);
    look_again(calls, about, dir, place, listing, now)?;
    place.end_listing(stat.version(), at);
    Ok(copies)
}

/// Lists a directory whose names are not on this machine, by a call that nobody waits for: the system brings them, and the
/// directory is an ordinary one from then on. Only as long as hardly anything else is late.
pub(crate) fn fill<F: Fs>(calls: &mut Calls<F>, root: &Root<F>, name: &OsStr) {
    let (parent, own) = (Arc::clone(&root.dir), name.to_owned());
    calls.begin(About::Directory(own.clone()), move |fs| {
        let dir = fs.open_dir(&parent, &own)?;
        fs.list(&dir, &mut |_| false)
    });
}

/// Looks at what was looked at before.
fn look_again<F: Fs>(
    calls: &mut Calls<F>,
    about: About,
    dir: Arc<F::Dir>,
    place: &mut Place,
    mut listing: Listing,
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
                place.take_stat(item, stat, now);
            }
            true
        },
    )
}
