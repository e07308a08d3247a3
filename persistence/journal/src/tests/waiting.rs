//! Tests of waiting for a position: who is woken, and when.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use priv_domain::Position;

use super::support::Calls;
use crate::{JournalStopped, Progress};

struct Counted(Calls);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.add();
    }
}

fn counted() -> (Calls, Waker) {
    let calls = Calls::default();
    (calls.clone(), Waker::from(Arc::new(Counted(calls))))
}

#[test]
fn only_those_whose_position_is_reached_are_woken() {
    let progress = Arc::new(Progress::new(Position::new(5)));
    let (early_calls, early_waker) = counted();
    let (late_calls, late_waker) = counted();
    let mut early = pin!(progress.when(Position::new(7)));
    let mut late = pin!(progress.when(Position::new(8)));
    assert_eq!(early.as_mut().poll(&mut Context::from_waker(&early_waker)), Poll::Pending);
    assert_eq!(late.as_mut().poll(&mut Context::from_waker(&late_waker)), Poll::Pending);

    progress.advance(Position::new(6));
    assert_eq!((early_calls.count(), late_calls.count()), (0, 0));
    progress.advance(Position::new(7));
    assert_eq!((early_calls.count(), late_calls.count()), (1, 0));
    assert_eq!(early.poll(&mut Context::from_waker(&early_waker)), Poll::Ready(Ok(())));

    progress.stop(JournalStopped::Failed);
    assert_eq!(late_calls.count(), 1);
    let stopped = late.poll(&mut Context::from_waker(&late_waker));
    assert_eq!(stopped, Poll::Ready(Err(JournalStopped::Failed)));
}

#[test]
fn what_is_reached_completes_at_once_even_after_a_stop() {
    let progress = Arc::new(Progress::new(Position::new(5)));
    progress.stop(JournalStopped::Failed);
    assert_eq!(progress.when(Position::new(5)).wait(), Ok(()));
    assert_eq!(progress.when(Position::new(6)).wait(), Err(JournalStopped::Failed));
}

#[test]
fn one_who_no_longer_waits_is_forgotten() {
    let progress = Arc::new(Progress::default());
    let (calls, waker) = counted();
    {
        let mut dropped = pin!(progress.when(Position::new(1)));
        assert_eq!(dropped.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    progress.advance(Position::new(1));
    assert_eq!(calls.count(), 0);
    assert_eq!(Arc::strong_count(&progress), 1);
}

#[test]
fn only_the_last_waker_of_a_future_is_woken() {
    let progress = Arc::new(Progress::default());
    let (first_calls, first) = counted();
    let (second_calls, second) = counted();
    let mut waits = pin!(progress.when(Position::new(1)));
    assert_eq!(waits.as_mut().poll(&mut Context::from_waker(&first)), Poll::Pending);
    assert_eq!(waits.as_mut().poll(&mut Context::from_waker(&second)), Poll::Pending);
    progress.advance(Position::new(3));
    assert_eq!((first_calls.count(), second_calls.count()), (0, 1));
}
