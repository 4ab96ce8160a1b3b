//! Runs the changes of an instance one after another. Place in the order: around retry.
//!
//! Providers look up before they create; two concurrent creations for one instance would both find nothing, and buy
//! two phone numbers. This serialises them within one process. Between replicas, the row in the database does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use super::limit::before_the_deadline;
use super::operation::{Nature, Operation};
use crate::{Context, InstanceId, ProviderError};

#[derive(Debug, Default)]
pub(super) struct Serial {
    busy: Mutex<HashMap<InstanceId, Weak<tokio::sync::Mutex<()>>>>,
}

impl Serial {
    /// Waits for the operation's turn, which lasts until the guard is dropped. Reads do not wait.
    pub(super) async fn turn(
        &self,
        operation: Operation<'_>,
        cx: &Context,
    ) -> Result<Option<OwnedMutexGuard<()>>, ProviderError> {
        match operation.instance {
            Some(instance) if operation.nature != Nature::Read => {
                let lock = self.lock_of(instance);
                before_the_deadline(cx, lock.lock_owned()).await.map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    fn lock_of(&self, instance: &InstanceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = busy.get(instance).and_then(Weak::upgrade) {
            return lock;
        }
        busy.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        busy.insert(instance.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::layer::stack::tests::context;

    fn change(instance: &InstanceId) -> Operation<'_> {
        Operation::new("provision", Some(instance), Nature::Repeatable)
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_the_one_before_and_for_no_other_instance() {
        let (serial, one, two) = (
            Serial::default(),
            InstanceId::generate(),
            InstanceId::generate(),
        );
        let soon = || context().within(Duration::from_secs(1));
        let held = serial.turn(change(&one), &soon()).await.unwrap();
        assert!(serial.turn(change(&one), &soon()).await.is_err());
        assert!(serial.turn(change(&two), &soon()).await.is_ok());
        assert!(
            serial
                .turn(Operation::read("list"), &soon())
                .await
                .unwrap()
                .is_none()
        );
        drop(held);
        assert!(serial.turn(change(&one), &soon()).await.is_ok());
    }

    #[tokio::test]
    async fn finished_locks_are_removed() {
        let serial = Serial::default();
        for _ in 0..100 {
            let instance = InstanceId::generate();
            drop(serial.turn(change(&instance), &context()).await.unwrap());
        }
        assert_eq!(serial.busy.lock().unwrap().len(), 1);
    }
}
