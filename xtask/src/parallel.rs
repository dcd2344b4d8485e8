//! Work for many items, a few at a time.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::{iter, thread};

/// The number of items between two lines of progress.
const STEP: usize = 100;

/// Does the work for each item and returns the results in the order of the items. Each of the workers makes
/// something of its own by its number and uses it for all its items.
pub(crate) fn each<T: Sync, S, R: Send>(
    workers: usize,
    items: &[T],
    make: impl Fn(usize) -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let queue = Mutex::new(items.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (next, make, work) = (&next, &make, &work);
    let run = |worker| {
        let mut own = make(worker);
        let done = iter::from_fn(next).map(|(index, item)| {
            if index > 0 && index % STEP == 0 {
                println!("{index} of {}", items.len());
            }
            (index, work(&mut own, item))
        });
        done.collect::<Vec<_>>()
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(move || run(worker))).collect();
        running.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_each_worker_keeps_its_own() {
        let items: Vec<usize> = (0..100).collect();
        let results = each(
            3,
            &items,
            |worker| (worker, 0),
            |(worker, count), item| {
                *count += 1;
                (*item, *worker, *count)
            },
        );
        assert_eq!(results.iter().map(|(item, ..)| *item).collect::<Vec<_>>(), items);
        let last = |worker| results.iter().filter(|(_, by, _)| *by == worker).map(|(.., count)| *count).max();
        assert_eq!((0..3).filter_map(last).sum::<usize>(), 100);
    }
}
