//! Work that is done several at once, and handed over in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Does `work` for each of 0 to `count`, `jobs` at once, and hands what comes of it to `take`, on this thread and in their
/// order. Nothing comes of what was ended early. Where `cancel` is set, no more are begun.
///
/// # Errors
/// The first that failed: no more were begun then, and what was done is handed over.
pub fn each<T: Send, E: Send>(
    count: usize,
    jobs: usize,
    cancel: &AtomicBool,
    work: &(dyn Fn(usize) -> Result<Option<T>, E> + Sync),
    mut take: impl FnMut(T),
) -> Result<(), E> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, receive) = mpsc::channel();
    let worker = |send: mpsc::Sender<_>| {
        while !cancel.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = work(index);
            stop.fetch_or(result.is_err(), Ordering::Relaxed);
            // the other end is there until all are done
            let _ = send.send((index, result));
        }
    };
    let mut failed = None;
    let mut waiting: BTreeMap<usize, Option<T>> = BTreeMap::new();
    let mut due = 0;
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            let send = send.clone();
            scope.spawn(|| worker(send));
        }
        drop(send);
        for (index, result) in receive {
            match result {
                Ok(done) => drop(waiting.insert(index, done)),
                Err(error) => drop(failed.get_or_insert(error)),
            }
            while let Some(done) = waiting.remove(&due) {
                done.into_iter().for_each(&mut take);
                due += 1;
            }
        }
    });
    waiting.into_values().flatten().for_each(take);
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Barrier, Mutex};

    #[test]
    fn what_is_done_at_once_is_handed_over_in_order() {
        let together = Barrier::new(3);
        let mut all = Vec::new();
        let work = |index| {
            // it goes on only where three are at it
            together.wait();
            Ok::<_, ()>(Some(index))
        };
        each(9, 3, &AtomicBool::new(false), &work, |index| all.push(index)).unwrap();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_ends_all_and_what_was_done_is_handed_over() {
        let (mut all, begun) = (Vec::new(), Mutex::new(0));
        let work = |index| {
            *begun.lock().unwrap() += 1;
            if index == 2 { Err("broke") } else { Ok(Some(index)) }
        };
        let ended = each(50, 1, &AtomicBool::new(false), &work, |index| all.push(index));
        assert_eq!((ended, all, *begun.lock().unwrap()), (Err("broke"), vec![0, 1], 3));
    }

    #[test]
    fn after_a_cancel_no_more_are_begun() {
        let cancel = AtomicBool::new(false);
        let mut all = Vec::new();
        let work = |index| {
            cancel.store(index == 3, Ordering::Relaxed);
            Ok::<_, ()>((index != 3).then_some(index))
        };
        each(50, 1, &cancel, &work, |index| all.push(index)).unwrap();
        assert_eq!(all, [0, 1, 2]);
    }
}
