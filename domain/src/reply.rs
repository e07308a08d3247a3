//! Replies to commands, as they are remembered and waited for.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value that can be the reply to a command.
pub trait ReplyValue: Any + fmt::Debug + Send + Sync {
    /// Whether another reply has the same type and is equal.
    fn is_same(&self, other: &dyn ReplyValue) -> bool;
}

impl<T: Any + fmt::Debug + Eq + Send + Sync> ReplyValue for T {
    fn is_same(&self, other: &dyn ReplyValue) -> bool {
        (other as &dyn Any).downcast_ref::<T>() == Some(self)
    }
}

/// The reply to any command of `M`, as it is remembered. Cheap to clone: the value is shared.
pub struct AnyReply<M> {
    value: Arc<dyn ReplyValue>,
    machine: PhantomData<fn() -> M>,
}

impl<M> AnyReply<M> {
    /// Wraps the reply to a command of this machine.
    pub fn new(reply: impl ReplyValue) -> Self {
        Self { value: Arc::new(reply), machine: PhantomData }
    }

    /// The reply, if it is of this type.
    #[must_use]
    pub fn get<R: Any>(&self) -> Option<&R> {
        let value: &dyn Any = &*self.value;
        value.downcast_ref()
    }
}

impl<M> Clone for AnyReply<M> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), machine: PhantomData }
    }
}

impl<M> fmt::Debug for AnyReply<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<M> PartialEq for AnyReply<M> {
    fn eq(&self, other: &Self) -> bool {
        self.value.is_same(&*other.value)
    }
}

impl<M> Eq for AnyReply<M> {}

/// The reply to a command that has nothing to tell but that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted;

/// Names a request that waits for something which takes several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u128);
