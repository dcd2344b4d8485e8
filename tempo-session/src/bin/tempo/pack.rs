//! `tempo pack`: own messages in a few files.

use std::{path::Path, time::Duration};

use tempo_session::{Membership, PackStats, Session};

use crate::{
    arguments::Local,
    failure::Failure,
    log::{self, PATIENCE_OF_PUBLISHING},
    member, output,
};

/// The longest that packing may take, however much there is.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(folder: &Path, local: &Local, at_once: bool) -> Result<(), Failure> {
    if member::builder(folder, local).membership()? != Membership::Member {
        return Err(Failure::NotAMember);
    }
    let session = member::join(folder, local, None)?;
    log::refresh(&session, PATIENCE)?;
    session.flush(PATIENCE_OF_PUBLISHING);
    let packed = if at_once { session.pack_at_once(PATIENCE) } else { session.pack(PATIENCE) };
    let told = packed.map_err(Failure::from).and_then(|pack_stats| tell(&session, pack_stats));
    session.close()?;
    told
}

fn tell(session: &Session, pack_stats: PackStats) -> Result<(), Failure> {
    let status = session.status();
    let own = status.members.iter().filter(|it| Some(it.author) == status.author || status.former.contains(&it.author));
    let messages =
        output::counted(usize::try_from(own.map(|it| it.here).sum::<u64>()).unwrap_or(usize::MAX), "message");
    let packs = output::counted(pack_stats.packs, "pack");
    let alone = match pack_stats.alone {
        0 => String::new(),
        alone => format!(" and {} of one message", output::counted(alone, "file")),
    };
    output::line(&format!("your {messages} are in {packs}{alone}"))?;
    match pack_stats.kept {
        0 => Ok(()),
        kept => output::line(&format!(
            "{} that packs were made from remain beside them for at least a day, for members that are reading them",
            output::counted(kept, "file")
        )),
    }
}
