//! Clauses 14 and 15: waiting ends, and can be ended.

use core::{task::Waker, time::Duration};
use std::{sync::mpsc, thread};

use super::script::Arena;
use crate::transport::contract::Transport;

/// A timeout far longer than anything here may take. Only a broken transport reaches it.
const FOR_EVER: Duration = Duration::from_secs(3600);
/// The time after which a wait that should have ended counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

/// Clause 14.
pub fn c14_a_wait_ends_after_its_timeout(arena: &impl Arena) {
    ends("a wait of 20 ms", arena.member(), Duration::from_millis(20), |_| {});
    ends("a wait of nothing", arena.member(), Duration::ZERO, |_| {});
}

/// Clause 15.
pub fn c15_the_waker_ends_a_wait(arena: &impl Arena) {
    ends("a wait with a wake-up from another thread", arena.member(), FOR_EVER, |waker| {
        thread::spawn(move || waker.wake());
    });
    ends("a wait after the wake-up", arena.member(), FOR_EVER, |waker| {
        waker.wake();
    });
}

/// Waits on a thread of its own, so that a wait that never ends fails the test instead of hanging it.
fn ends(what: &str, mut member: impl Transport + 'static, timeout: Duration, before: impl FnOnce(Waker)) {
    let (done, finished) = mpsc::channel();
    before(member.waker());
    thread::spawn(move || {
        member.wait(timeout);
        // The test may have given up already.
        let _ = done.send(());
    });
    assert!(finished.recv_timeout(STUCK).is_ok(), "{what} did not end within {STUCK:?}");
}
