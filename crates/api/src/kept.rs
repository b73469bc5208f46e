//! Something that is made once for many who want it, and kept until it is stale.
//!
//! Nobody who finds it fresh waits for anybody. A lock of tokio's goes from hand to hand in the order of asking: whoever is next
//! has it from the moment it is free, not from when they run, so that under load everybody waits for one who waits for a
//! processor. Here such a lock is held only while it is made anew.

use std::sync::{PoisonError, RwLock};
use tokio::sync::Mutex;

/// What was made last.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    last: RwLock<Option<T>>,
    /// Held while it is made, so that of many who want it at once one makes it.
    making: Mutex<()>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { last: RwLock::default(), making: Mutex::default() }
    }
}

impl<T: Clone> Kept<T> {
    /// The last one if it `is_fresh`, else a new one.
    ///
    /// # Errors
    /// Those of making it; the last one stays then.
    pub(crate) async fn get<E>(
        &self,
        is_fresh: impl Fn(&T) -> bool,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(fresh) = self.last(&is_fresh) {
            return Ok(fresh);
        }
        let _one = self.making.lock().await;
        if let Some(fresh) = self.last(&is_fresh) {
            return Ok(fresh);
        }
        let made = make().await?;
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }

    fn last(&self, is_fresh: impl Fn(&T) -> bool) -> Option<T> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|last| is_fresh(last)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, convert::Infallible, time::Duration};
    use tokio::time::{sleep, timeout};

    #[tokio::test]
    async fn of_many_who_want_it_at_once_one_makes_it() {
        let (kept, made) = (Kept::default(), Cell::new(0));
        let make = async || {
            made.set(made.get() + 1);
            sleep(Duration::from_millis(10)).await;
            Ok::<_, Infallible>(made.get())
        };
        let get = || kept.get(|_| true, make);
        assert_eq!(tokio::join!(get(), get(), get()), (Ok(1), Ok(1), Ok(1)));
        assert_eq!(kept.get(|_| false, make).await, Ok(2), "it is stale");
    }

    #[tokio::test]
    async fn nobody_waits_who_finds_it_fresh() {
        let kept = Kept::default();
        assert_eq!(kept.get(|_| true, async || Ok::<_, ()>(1)).await, Ok(1));
        let stuck = kept.get(|_| false, std::future::pending::<Result<_, ()>>);
        let fresh = async {
            tokio::task::yield_now().await;
            kept.get(|_| true, async || Err(())).await
        };
        let both = async {
            tokio::select! { biased; it = stuck => it, it = fresh => it }
        };
        assert_eq!(timeout(Duration::from_secs(10), both).await, Ok(Ok(1)));
    }

    #[tokio::test]
    async fn what_fails_leaves_the_last_one() {
        let kept = Kept::default();
        assert_eq!(kept.get(|_| true, async || Ok::<_, &str>(1)).await, Ok(1));
        assert_eq!(kept.get(|_| false, async || Err("broken")).await, Err("broken"));
        assert_eq!(kept.get(|_| true, async || Err("broken")).await, Ok(1));
    }
}
