//! The time from a message to the other member's event, beside a plain file that takes the same way at the
//! same time.

use std::fs;
use std::time::{Duration, Instant};

use super::group::Group;
use super::kind::Kind;
use crate::process;

/// The time limit for one pair.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most that a message may take, as a multiple of the time for a file, at the median.
const MOST: f64 = 1.05;
/// The smallest number of pairs.
const FEWEST: usize = 10;

/// Sends pairs for this long, from the first member to the second.
pub(super) fn measure(group: &mut Group, span: Duration) -> Result<String, String> {
    let (from, to) = (group.engine.share(0).join("plain"), group.engine.share(1).join("plain"));
    fs::create_dir_all(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    let listener = group.listen()?;
    let (mut messages, mut files) = (Vec::new(), Vec::new());
    let end = Instant::now() + span;
    while Instant::now() < end || messages.len() < FEWEST {
        let name = format!("file {}", messages.len());
        let staged = from.with_extension("staged");
        let begun = Instant::now();
        let put = fs::write(&staged, &name).and_then(|()| fs::rename(&staged, from.join(&name)));
        put.map_err(|error| format!("{}: {error}", from.display()))?;
        group.member(0)?.type_lines(1)?;
        let line = group.member(0)?.certain().last().cloned().unwrap_or_default();
        let (mut message, mut file) = (None, None);
        // Both are checked at the same moments, and a file counts once it is whole.
        while message.is_none() || file.is_none() {
            process::pause_until(begun + PATIENCE).map_err(|why| format!("a message or a file: {why}"))?;
            let now = begun.elapsed();
            let is_heard = listener.heard().any(|said| said.ends_with(&line));
            let is_whole = fs::read(to.join(&name)).is_ok_and(|content| content == name.as_bytes());
            message = message.or(is_heard.then_some(now));
            file = file.or(is_whole.then_some(now));
        }
        messages.extend(message);
        files.extend(file);
        process::rest(Duration::from_millis(group.rng.u64(500..2000)))?;
    }
    group.did(&format!("{} pairs", messages.len()));
    group.stop_listening(listener)?;
    let (message, file) = (median(&mut messages).as_secs_f64(), median(&mut files).as_secs_f64());
    let ratio = message / file;
    let said = format!("p50 of {}: message {message:.3} s, file {file:.3} s, ratio {ratio:.3}", messages.len());
    // The other engines go round so fast that a few polls decide the ratio.
    if group.kind == Kind::Syncthing && ratio > MOST {
        Err(format!("{said}, at most {MOST} allowed"))
    } else {
        Ok(said)
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_time() {
        let mut times = [5, 1, 9].map(Duration::from_secs);
        assert_eq!(median(&mut times), Duration::from_secs(5));
        assert_eq!(median(&mut []), Duration::ZERO);
    }
}
