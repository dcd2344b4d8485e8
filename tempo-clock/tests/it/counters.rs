//! A set of counters behaves like a plain set and uses memory only for its gaps.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tempo_clock::{AuthorId, Counters, Seen};
use uuid::Uuid;

#[derive(Debug, Clone)]
enum Step {
    Insert(u64),
    Remove(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let counter = || prop_oneof![8 => 0_u64..24, 1 => u64::MAX - 4..=u64::MAX];
    prop_oneof![3 => counter().prop_map(Step::Insert), 1 => counter().prop_map(Step::Remove)]
}

proptest! {
    #[test]
    fn counters_agree_with_a_plain_set(steps in prop::collection::vec(step(), 0..80)) {
        let mut ours = Counters::default();
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(counter) => prop_assert_eq!(ours.insert(counter), model.insert(counter)),
                Step::Remove(counter) => prop_assert_eq!(ours.remove(counter), model.remove(&counter)),
            }
            for counter in (0..26).chain(u64::MAX - 5..=u64::MAX) {
                prop_assert_eq!(ours.contains(counter), model.contains(&counter));
            }
            prop_assert_eq!(ours.len(), model.len() as u64);
            prop_assert_eq!(ours.first(), model.first().copied());
            prop_assert_eq!(ours.last(), model.last().copied());
            prop_assert_eq!(ours.contiguous(), (1..=64).take_while(|n| model.contains(n)).last().unwrap_or(0));
            let missing = |n: &u64| ours.missing().any(|gap| gap.contains(n));
            for counter in 0..26 {
                let expected = counter >= 1 && !model.contains(&counter) && model.last().is_some_and(|&l| counter < l);
                prop_assert_eq!(missing(&counter), expected, "counter {}", counter);
            }
        }
    }

    #[test]
    fn runs_are_sorted_and_disjoint(counters in prop::collection::vec(0_u64..64, 0..64)) {
        let set: Counters = counters.iter().copied().collect();
        let runs: Vec<_> = set.runs().collect();
        prop_assert!(runs.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        for run in &runs {
            prop_assert!(set.contains_all(run.clone()));
            prop_assert!(!set.contains_all(*run.start()..=run.end() + 1));
        }
        let (first, last) = (5, 4);
        prop_assert!(set.contains_all(first..=last), "an empty range is in every set");
    }

    #[test]
    fn any_order_of_arrival_gives_the_same_set(mut counters in prop::collection::vec(1_u64..40, 0..40), seed: u64) {
        let in_order: Counters = counters.iter().copied().collect();
        let by = usize::try_from(seed % 40).unwrap_or(0).min(counters.len());
        counters.rotate_left(by);
        counters.reverse();
        prop_assert_eq!(counters.into_iter().collect::<Counters>(), in_order);
    }
}

#[test]
fn a_million_dense_counters_are_one_run() {
    let set: Counters = (1..=1_000_000).collect();
    assert_eq!(set.runs().collect::<Vec<_>>(), [1..=1_000_000]);
    assert_eq!(set.contiguous(), 1_000_000);
}

#[test]
fn seen_keeps_authors_apart() {
    let (ana, ben) = (AuthorId::new(Uuid::from_u128(1)), AuthorId::new(Uuid::from_u128(2)));
    let mut seen = Seen::default();
    assert!(seen.insert(ana, 1) && seen.insert(ana, 4) && seen.insert(ben, 2));
    assert!(!seen.insert(ana, 4));
    assert!(seen.contains(ana, 4) && !seen.contains(ben, 4));
    assert_eq!((seen.contiguous(ana), seen.contiguous(ben)), (1, 0));
    assert_eq!(seen.missing(ana).collect::<Vec<_>>(), [2..=3]);
    assert_eq!(seen.missing(ben).collect::<Vec<_>>(), [1..=1]);
    assert!(seen.remove(ben, 2) && !seen.remove(ben, 2));
    assert_eq!(seen.iter().map(|(author, _)| author).collect::<Vec<_>>(), [ana]);
}

fn seen(messages: &BTreeSet<(u8, u64)>) -> Seen {
    let mut seen = Seen::default();
    for &(author, counter) in messages {
        seen.insert(AuthorId::from_bytes([author; 16]), counter);
    }
    seen
}

fn messages() -> impl Strategy<Value = BTreeSet<(u8, u64)>> {
    let counter = prop_oneof![8 => 1_u64..12, 1 => u64::MAX - 2..=u64::MAX];
    prop::collection::btree_set((0_u8..3, counter), 0..24)
}

proptest! {
    #[test]
    fn merging_and_comparing_agree_with_plain_sets(a in messages(), b in messages()) {
        let (ours, theirs) = (seen(&a), seen(&b));
        let [mut one, mut other] = [ours.clone(), theirs.clone()];
        one.merge(&theirs);
        other.merge(&ours);
        prop_assert_eq!(&one, &seen(&a.union(&b).copied().collect()));
        prop_assert_eq!(&one, &other);
        other.merge(&ours);
        prop_assert_eq!(&one, &other, "merging again changes nothing");
        prop_assert!(one >= ours && one >= theirs);

        let lacking = |(author, counter): &(u8, u64)| {
            let author = AuthorId::from_bytes([*author; 16]);
            ours.without(&theirs).any(|(of, ranges)| of == author && ranges.iter().any(|range| range.contains(counter)))
        };
        prop_assert!(a.iter().all(|message| lacking(message) != b.contains(message)));
        prop_assert!(b.iter().all(|message| !lacking(message)), "the other one has it");
        prop_assert_eq!(ours.includes(&theirs), a.is_superset(&b));
        prop_assert_eq!(ours < theirs, a.is_subset(&b) && a != b);
        prop_assert_eq!(ours.partial_cmp(&theirs).is_none(), !a.is_subset(&b) && !b.is_subset(&a));
    }
}
