//! Names of files in order, so that what lies below a folder can be found and moved.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Whether `path` is `folder` or lies below it.
pub(super) fn is_below(path: &[u8], folder: &[u8]) -> bool {
    folder == b"/" || path.strip_prefix(folder).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// Takes `path` and all below it out of `map`.
pub(super) fn take_tree<V>(map: &mut BTreeMap<Vec<u8>, V>, path: &[u8]) -> Vec<(Vec<u8>, V)> {
    let mut below = path.to_vec();
    below.push(b'/');
    let mut names: Vec<Vec<u8>> = map
        .range::<[u8], _>((Bound::Included(&below[..]), Bound::Unbounded))
        .take_while(|(name, _)| name.starts_with(&below))
        .map(|(name, _)| name.clone())
        .collect();
    names.push(path.to_vec());
    names.into_iter().filter_map(|name| map.remove(&name).map(|value| (name, value))).collect()
}

/// Puts what [`take_tree`] took at `from` to `to`.
pub(super) fn put_tree<V>(map: &mut BTreeMap<Vec<u8>, V>, tree: Vec<(Vec<u8>, V)>, from: &[u8], to: &[u8]) {
    for (name, value) in tree {
        map.insert([to, &name[from.len()..]].concat(), value);
    }
}
