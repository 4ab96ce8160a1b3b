//! State that the calls of one process share.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};

use rand::seq::IteratorRandom as _;
use tokio::sync::Mutex;

/// The ids of the profiles that were found or created, by name. While one call looks for the profile the others wait,
/// so that numbers bought at the same time do not create a profile each.
#[derive(Debug, Default)]
pub(crate) struct ProfileCache(pub(crate) Mutex<HashMap<String, String>>);

impl ProfileCache {
    /// Called after a failure, which may be due to a deleted profile: the next call looks for it again.
    pub(crate) async fn clear(&self) {
        self.0.lock().await.clear();
    }
}

/// The numbers that purchases in progress have chosen. The vendor offers the same ones to everybody who searches.
#[derive(Debug, Default)]
pub(crate) struct ChosenNumbers(StdMutex<Vec<String>>);

impl ChosenNumbers {
    /// Chooses one of `offered` at random, because the buyers of other processes would all want the first. It is one that no
    /// other purchase has chosen, if there is one. `None` if nothing is offered.
    pub(crate) fn choose(&self, offered: &[String]) -> Option<ChosenNumber<'_>> {
        let mut chosen = self.lock();
        let free = offered.iter().filter(|number| !chosen.contains(number));
        let mut random = rand::rng();
        let number = free
            .choose(&mut random)
            .or_else(|| offered.iter().choose(&mut random))?;
        chosen.push(number.clone());
        Some(ChosenNumber {
            number: number.clone(),
            all: self,
        })
    }

    /// A panic while it was locked leaves it consistent.
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that a purchase has chosen, until it is dropped.
#[derive(Debug)]
pub(crate) struct ChosenNumber<'a> {
    number: String,
    all: &'a ChosenNumbers,
}

impl Deref for ChosenNumber<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.number
    }
}

impl Drop for ChosenNumber<'_> {
    fn drop(&mut self) {
        let mut chosen = self.all.lock();
        if let Some(index) = chosen.iter().position(|number| *number == self.number) {
            chosen.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purchases_in_progress_choose_different_numbers_while_there_are_some() {
        let chosen = ChosenNumbers::default();
        let offered = ["+1", "+2", "+3"].map(str::to_owned);
        for _ in 0..50 {
            let mut three: Vec<_> = offered
                .iter()
                .filter_map(|_| chosen.choose(&offered))
                .collect();
            let fourth = chosen.choose(&offered);
            assert!(fourth.is_some(), "the last resort is a number of another");
            drop(fourth);
            three.sort_unstable_by_key(|one| one.to_string());
            assert!(three.iter().map(|one| &**one).eq(["+1", "+2", "+3"]));
        }
        assert!(chosen.lock().is_empty());
        assert!(chosen.choose(&[]).is_none());
    }
}
