//! What the registry knows, in memory, and the rows that it is made of.
//!
//! Rows are fine-grained (a repository's settings, one image, one tag), so that a push to a
//! repository with thousands of images writes only what it changes.

use std::collections::{BTreeMap, HashMap, HashSet};

use images::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Batch, Store};

use crate::error::RegistryError;
use crate::repositories::Repository;
use crate::settings::Settings;

const REPOSITORIES: &str = "ecr.repositories";
const IMAGES: &str = "ecr.images";
const TAGS: &str = "ecr.tags";
/// The settings of the registry as a whole: one row.
const SETTINGS: &str = "ecr.settings";
const SETTINGS_KEY: &str = "registry";

#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) settings: Settings,
    pub(crate) shelves: BTreeMap<String, Shelf>,
}

/// A repository with its content.
pub(crate) struct Shelf {
    pub(crate) repository: Repository,
    pub(crate) images: BTreeMap<Digest, Image>,
    pub(crate) tags: BTreeMap<String, Digest>,
    /// How many images of this repository refer to a blob; zero counts are removed.
    links: HashMap<Digest, usize>,
    /// Blobs pushed or mounted for an image that has not come yet. Not durable: a push that
    /// spans a restart pushes them again.
    loose: HashSet<Digest>,
}

/// A manifest or index in a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) media_type: String,
    /// Milliseconds since the epoch.
    pub(crate) pushed_at: i64,
    /// Bytes of the document itself.
    pub(crate) manifest_size: u64,
    /// Bytes of configuration and layers; of an index, its largest image's.
    pub(crate) size: u64,
    /// The configuration's media type.
    pub(crate) config_type: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) blobs: Vec<Digest>,
    /// The images of an index.
    pub(crate) children: Vec<Digest>,
    /// Whether it was asked that it be scanned.
    #[serde(default)]
    pub(crate) scan_asked: bool,
}

impl Truth {
    pub(crate) fn load(store: &Store) -> Result<Self, RegistryError> {
        let mut truth = Self::default();
        if let Some((key, body)) = store.load(SETTINGS)?.pop() {
            truth.settings = row(SETTINGS, &key, &body)?;
        }
        for (name, body) in store.load(REPOSITORIES)? {
            let repository = row(REPOSITORIES, &name, &body)?;
            truth.shelves.insert(name, Shelf::new(repository));
        }
        for (key, body) in store.load(IMAGES)? {
            let image: Image = row(IMAGES, &key, &body)?;
            let Some((name, digest)) = key.split_once('@') else { continue };
            if let (Some(shelf), Ok(digest)) = (truth.shelves.get_mut(name), digest.parse()) {
                shelf.link(&image);
                shelf.images.insert(digest, image);
            }
        }
        for (key, body) in store.load(TAGS)? {
            let digest = row(TAGS, &key, &body)?;
            let Some((name, tag)) = key.split_once(':') else { continue };
            if let Some(shelf) = truth.shelves.get_mut(name) {
                shelf.tags.insert(tag.to_owned(), digest);
            }
        }
        Ok(truth)
    }

    /// Returns every manifest that must stay on the disk.
    pub(crate) fn roots(&self) -> HashSet<Digest> {
        self.shelves.values().flat_map(|shelf| shelf.images.keys().cloned()).collect()
    }

    pub(crate) fn forget_loose(&mut self, is_gone: impl Fn(&Digest) -> bool) {
        for shelf in self.shelves.values_mut() {
            shelf.loose.retain(|digest| !is_gone(digest));
        }
    }

    pub(crate) fn clear(&mut self, batch: &mut Batch) {
        for name in self.shelves.keys().cloned().collect::<Vec<_>>() {
            self.remove_repository(&name, batch);
        }
        batch.delete(SETTINGS, SETTINGS_KEY);
        self.settings = Settings::default();
    }

    pub(crate) fn put_settings(&mut self, settings: Settings, batch: &mut Batch) {
        batch.put(SETTINGS, SETTINGS_KEY, body(&settings));
        self.settings = settings;
    }

    pub(crate) fn put_repository(&mut self, repository: Repository, batch: &mut Batch) {
        batch.put(REPOSITORIES, &repository.name, body(&repository));
        match self.shelves.get_mut(&repository.name) {
            Some(shelf) => shelf.repository = repository,
            None => drop(self.shelves.insert(repository.name.clone(), Shelf::new(repository))),
        }
    }

    pub(crate) fn remove_repository(&mut self, name: &str, batch: &mut Batch) {
        let Some(shelf) = self.shelves.remove(name) else { return };
        batch.delete(REPOSITORIES, name);
        shelf.images.keys().for_each(|digest| batch.delete(IMAGES, &image_key(name, digest)));
        shelf.tags.keys().for_each(|tag| batch.delete(TAGS, &tag_key(name, tag)));
    }
}

impl Shelf {
    fn new(repository: Repository) -> Self {
        Self {
            repository,
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            links: HashMap::new(),
            loose: HashSet::new(),
        }
    }

    /// Returns whether a blob may be read from this repository.
    pub(crate) fn has_blob(&self, digest: &Digest) -> bool {
        self.links.contains_key(digest) || self.loose.contains(digest) || self.images.contains_key(digest)
    }

    pub(crate) fn add_loose(&mut self, digest: Digest) {
        self.loose.insert(digest);
    }

    pub(crate) fn put_image(&mut self, digest: Digest, image: Image, batch: &mut Batch) {
        batch.put(IMAGES, &image_key(&self.repository.name, &digest), body(&image));
        self.link(&image);
        self.loose.retain(|digest| !image.blobs.contains(digest));
        self.images.insert(digest, image);
    }

    /// Writes an image anew that refers to the same blobs.
    pub(crate) fn keep_image(&mut self, digest: &Digest, image: Image, batch: &mut Batch) {
        batch.put(IMAGES, &image_key(&self.repository.name, digest), body(&image));
        self.images.insert(digest.clone(), image);
    }

    /// Removes an image and its tags.
    pub(crate) fn remove_image(&mut self, digest: &Digest, batch: &mut Batch) {
        let Some(image) = self.images.remove(digest) else { return };
        batch.delete(IMAGES, &image_key(&self.repository.name, digest));
        for blob in &image.blobs {
            if let Some(count) = self.links.get_mut(blob) {
                *count -= 1;
                if *count == 0 {
                    self.links.remove(blob);
                }
            }
        }
        let tags: Vec<String> = self.tags_of(digest).map(str::to_owned).collect();
        tags.iter().for_each(|tag| self.remove_tag(tag, batch));
    }

    pub(crate) fn put_tag(&mut self, tag: &str, digest: &Digest, batch: &mut Batch) {
        batch.put(TAGS, &tag_key(&self.repository.name, tag), body(digest));
        self.tags.insert(tag.to_owned(), digest.clone());
    }

    pub(crate) fn remove_tag(&mut self, tag: &str, batch: &mut Batch) {
        batch.delete(TAGS, &tag_key(&self.repository.name, tag));
        self.tags.remove(tag);
    }

    pub(crate) fn tags_of(&self, digest: &Digest) -> impl Iterator<Item = &str> {
        self.tags.iter().filter(move |(_, d)| *d == digest).map(|(tag, _)| tag.as_str())
    }

    fn link(&mut self, image: &Image) {
        for blob in &image.blobs {
            *self.links.entry(blob.clone()).or_default() += 1;
        }
    }
}

// Neither `@` nor `:` occurs in a repository's name.
fn image_key(name: &str, digest: &Digest) -> String {
    format!("{name}@{digest}")
}

fn tag_key(name: &str, tag: &str) -> String {
    format!("{name}:{tag}")
}

fn body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("the registry's records are plain data")
}

fn row<T: DeserializeOwned>(table: &'static str, key: &str, body: &[u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(body).map_err(|source| RegistryError::Row { table, key: key.to_owned(), source })
}
