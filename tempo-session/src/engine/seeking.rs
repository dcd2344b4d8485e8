//! Looking everywhere in the folder for messages that may have vanished from it.

use std::{collections::BTreeSet, sync::Arc};

use tempo_clock::AuthorId;
use tempo_message::{
    Arrival, Budget, CollectRequest, Digest, Frame, MessageId, Own, Pending, PendingReason, PublishError,
};

use crate::{
    core::packing::Packing,
    engine::{link::Link, relayed::Unclear},
};

/// The result of a search for messages.
#[derive(Debug)]
pub(crate) enum Sought {
    /// The messages that are nowhere in the folder, in order, and the counter to continue after,
    /// unless the search has reached the author's last message.
    Absent { frames: Vec<Frame>, next: Option<u64> },
    /// A file that may hold one of them cannot be read.
    Unclear(Unclear),
}

/// Looks everywhere in the folder for an author's next messages after a counter, as many as a pack
/// may hold.
pub(crate) fn seek(link: &mut Link, author: AuthorId, after: u64) -> Result<Sought, PublishError> {
    let Packing { few, times, bytes: most, .. } = Packing::default();
    let count = usize::try_from(few.saturating_mul(times)).unwrap_or(usize::MAX);
    let messages = link.shared.lock().core.messages_after(author, after, count);
    let (mut frames, mut bytes) = (Vec::new(), 0);
    for (counter, digest) in messages {
        let frame = link.frame((MessageId { author, counter }, digest))?;
        bytes += frame.bytes().len();
        if bytes > most && !frames.is_empty() {
            break;
        }
        frames.push(frame);
    }
    let last = frames.last().map_or(after, |frame| frame.id().counter);
    let next = (last < link.shared.lock().core.contiguous(author)).then_some(last);
    let ids: BTreeSet<MessageId> = frames.iter().map(Frame::id).collect();
    let found = match find(link, author, &ids.into_iter().collect::<Vec<_>>()) {
        Ok(found) => found,
        Err(why) => return Ok(Sought::Unclear(why)),
    };
    frames.retain(|frame| !found.contains(&frame.digest()));
    Ok(Sought::Absent { frames, next })
}

/// Returns the digests of the messages that are whole in the folder under these ids, or why that is
/// unclear.
fn find(link: &mut Link, author: AuthorId, ids: &[MessageId]) -> Result<BTreeSet<Digest>, Unclear> {
    let (known, own) = {
        let state = link.shared.lock();
        let own = state.core.author().map(|author| Own { author, joined: state.marks.has_joined() });
        (state.core.seen().clone(), own)
    };
    let mut found = BTreeSet::new();
    let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
    let want = CollectRequest { known: &known, own, recheck: ids, full: false, budget };
    let shared = &link.shared;
    let collected = link.transport.collect(&want, &mut |arrival| {
        if let Arrival::Frame(frame) = &arrival {
            found.insert(frame.digest());
        }
        shared.lock().take(arrival)
    });
    let collected = collected.map_err(Unclear::Collect)?;
    let report = {
        let mut state = link.shared.lock();
        if collected.report_changed {
            state.report = Arc::new(link.transport.report());
        }
        Arc::clone(&state.report)
    };
    // A damaged file changes for ever where reading moves its times.
    let is_not_whole =
        |reason: &PendingReason| matches!(reason, PendingReason::Incomplete { .. } | PendingReason::Changing);
    let is_doubt = |pending: &&Pending| {
        let is_authors = pending.author.or(pending.item.directory()) == Some(author);
        is_authors && !is_not_whole(&pending.reason)
    };
    match report.pending.iter().find(is_doubt) {
        Some(pending) => Err(Unclear::Pending(pending.clone())),
        None if collected.more || report.unlisted > 0 => Err(Unclear::TooMuch),
        None => Ok(found),
    }
}
