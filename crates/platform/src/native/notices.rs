//! Which containers' output is being read, and which printed again meanwhile.
//!
//! A notice says that a container has printed; a read takes all that there is when it begins. So every notice
//! is followed by the beginning of a read of its own container: one that is under way may have passed by.

use std::collections::HashMap;

/// The containers of a task whose output is being read.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Container → whether it printed since its read began.
    reading: HashMap<String, bool>,
}

impl Notices {
    /// Takes a notice; returns whether a reader is to begin.
    pub(super) fn arrived(&mut self, container: &str) -> bool {
        match self.reading.get_mut(container) {
            Some(again) => {
                *again = true;
                false
            }
            None => {
                self.reading.insert(container.to_owned(), false);
                true
            }
        }
    }

    /// Ends a read; returns whether its reader is to begin anew.
    pub(super) fn read(&mut self, container: &str) -> bool {
        let again = self.reading.get_mut(container).is_some_and(std::mem::take);
        if !again {
            self.reading.remove(container);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_that_print_at_once_are_all_read() {
        let mut notices = Notices::default();
        assert!(["a", "b", "c"].iter().all(|c| notices.arrived(c)), "each has its own reader");
        assert!(!notices.arrived("c"));
        assert!(notices.read("c"), "what was printed meanwhile is read");
        assert!(!notices.read("c"));
        assert!(notices.arrived("c"));
    }

    /// Plays every order of notices and ends of reads of three containers: at the end each has been read
    /// since it printed last.
    #[test]
    fn every_notice_is_followed_by_a_read() {
        const CONTAINERS: [&str; 3] = ["a", "b", "c"];
        // One step in base 6: a notice of a container, or the end of the read of one if there is a reader.
        for plan in 0..6_u32.pow(6) {
            let mut notices = Notices::default();
            let (mut unread, mut reading) = ([false; 3], [false; 3]);
            let steps = (0..6).map(|place| plan / 6_u32.pow(place) % 6);
            let ends = [3, 4, 5].into_iter().cycle().take(9);
            for step in steps.chain(ends) {
                let which = step as usize % 3;
                let begins = if step < 3 {
                    unread[which] = true;
                    notices.arrived(CONTAINERS[which])
                } else if std::mem::take(&mut reading[which]) {
                    notices.read(CONTAINERS[which])
                } else {
                    false
                };
                if begins {
                    (unread[which], reading[which]) = (false, true);
                }
            }
            assert_eq!((unread, reading), ([false; 3], [false; 3]), "{plan}");
        }
    }
}
