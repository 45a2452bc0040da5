// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/sample.h"

#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr std::size_t kDimension = 256;
constexpr std::size_t kWordsFirst = 49'500;   // vocabulary of revision v1
constexpr std::size_t kWordsSecond = 50'000;  // main: 500 words more at the end
constexpr std::size_t kTunedFrom = 10'000;    // and a run of 1,000 rows "fine-tuned"
constexpr std::size_t kTunedEnd = 11'000;

constexpr std::string_view kCommonWords =
    "the of and to in is that for on with as it was are this by be at from or an have not one all can has will their more "
    "model data file cache download upload token host hub daemon chunk hash byte disk network stream train test learn "
    "language image sound text word sentence vector matrix weight layer tensor gradient loss batch epoch step rate "
    "cat dog bird fish horse tree river mountain sea rain snow wind sun moon star light dark red green blue white black "
    "run walk swim fly jump eat drink sleep read write speak listen open close start stop begin end find lose give take "
    "small large fast slow warm cold new old good bad high low long short first last early late easy hard strong weak "
    "house street city country world school book letter number paper stone water fire earth air iron gold silver glass "
    "bread milk apple salt sugar coffee tea meat rice music song dance game play work day night week month year time";

std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (char const c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// A WordPiece vocabulary: special tokens, characters, syllables, common words, made-up words.
std::vector<std::string> vocabulary(std::size_t size) {
  std::vector<std::string> words{"[PAD]", "[UNK]"};
  std::set<std::string> known(words.begin(), words.end());
  auto const add = [&](std::string word) {
    if (words.size() < size && known.insert(word).second) words.push_back(std::move(word));
  };
  for (char c = '!'; c <= '~'; ++c) {
    if (c < 'A' || c > 'Z') add(std::string(1, c));
  }
  for (char c = '0'; c <= 'z'; ++c) {
    if (c <= '9' || c >= 'a') add("##" + std::string(1, c));
  }
  for (auto const& word : split(kCommonWords, ' ')) add(word);
  static constexpr std::array<std::string_view, 20> kHeads{"b", "c", "d", "f", "g", "h", "k", "l", "m", "n",
                                                          "p", "r", "s", "t", "v", "w", "st", "tr", "pl", "gr"};
  static constexpr std::array<std::string_view, 8> kHearts{"a", "e", "i", "o", "u", "ai", "ea", "ou"};
  static constexpr std::array<std::string_view, 6> kTails{"", "n", "r", "s", "t", "l"};
  std::vector<std::string> syllables;
  for (auto const head : kHeads) {
    for (auto const heart : kHearts) {
      for (auto const tail : kTails) syllables.push_back(std::string(head) + std::string(heart) + std::string(tail));
    }
  }
  for (auto const& syllable : syllables) {
    add(syllable);
    add("##" + syllable);
  }
  for (std::uint64_t i = 0; words.size() < size; ++i) {
    auto const draw = mix(i);
    auto word = syllables[draw % syllables.size()] + syllables[(draw >> 20U) % syllables.size()];
    if ((draw >> 60U) < 6) word += syllables[(draw >> 40U) % syllables.size()];
    add(word);
  }
  return words;
}

// The sum of one vector per character trigram, so that words that look alike lie close. In integers and one exact
// division: the same bytes from every compiler.
void embed(std::string const& word, std::uint64_t tuning, std::array<float, kDimension>& row) {
  auto const text = "<" + word + ">";
  std::array<int, kDimension> sum{};
  for (std::size_t i = 0; i + 3 <= text.size(); ++i) {
    auto const seed = hash_of(std::string_view(text).substr(i, 3)) + tuning;
    for (std::size_t k = 0; k < kDimension; k += 8) {
      auto const draw = mix(seed + k * 0x632be59bd9b4e019ULL);
      for (std::size_t j = 0; j < 8; ++j) sum[k + j] += static_cast<int>((draw >> (8 * j)) & 255U) - 128;
    }
  }
  for (std::size_t k = 0; k < kDimension; ++k) row[k] = static_cast<float>(sum[k]) / 1024.0F;
}

Result<ContentPtr> safetensors(ContentStore& store, std::vector<std::string> const& words, bool tuned) {
  auto const bytes = words.size() * kDimension * sizeof(float);
  auto header = json::serialize(json::object{
      {"__metadata__", json::object{{"format", "np"}}},
      {"embeddings", json::object{{"dtype", "F32"}, {"shape", json::array{words.size(), kDimension}},
                                  {"data_offsets", json::array{0, bytes}}}}});
  while (header.size() % 8 != 0) header.push_back(' ');
  std::string prefix(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) prefix[i] = static_cast<char>((header.size() >> (8 * i)) & 255U);
  prefix += header;

  auto const path = store.temporary();
  std::ofstream out(path, std::ios::binary);
  Hash hash(Hash::Kind::sha256);
  auto const put = [&](std::string_view part) {
    hash.update(part);
    out.write(part.data(), static_cast<std::streamsize>(part.size()));
  };
  put(prefix);
  std::array<float, kDimension> row{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    embed(words[i], tuned && i >= kTunedFrom && i < kTunedEnd ? 1 : 0, row);
    put({reinterpret_cast<char const*>(row.data()), sizeof row});
  }
  out.close();
  if (!out) return fail(ErrorKind::io, "localhub: cannot write the sample model to " + path.string());
  return store.adopt(path, hash.hex(), prefix.size() + bytes);
}

std::string tokenizer(std::vector<std::string> const& words) {
  json::array added;
  for (std::size_t i = 0; i < 2; ++i) {
    added.push_back(json::object{{"id", i}, {"content", words[i]}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                                 {"normalized", false}, {"special", true}});
  }
  json::object vocab;
  for (std::size_t i = 0; i < words.size(); ++i) vocab[words[i]] = i;
  return json::serialize(json::object{
      {"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added},
      {"normalizer", json::object{{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true},
                                  {"strip_accents", true}, {"lowercase", true}}},
      {"pre_tokenizer", json::object{{"type", "BertPreTokenizer"}}}, {"post_processor", nullptr},
      {"decoder", json::object{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
      {"model", json::object{{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"continuing_subword_prefix", "##"},
                             {"max_input_chars_per_word", 100}, {"vocab", vocab}}}});
}

std::string readme(bool second) {
  std::string text =
      "---\nlicense: apache-2.0\nlibrary_name: model2vec\nlanguage: en\ntags: [embeddings, static-embeddings, sample]\n---\n"
      "# hubd/sample-model\n\nA model2vec `StaticModel` made by hubd's local Hub: a word is the sum of its character\n"
      "trigrams, so words that look alike lie close. Good for trying things, and for nothing else.\n\n"
      "```python\nfrom model2vec import StaticModel\n\nmodel = StaticModel.from_pretrained(\"hubd/sample-model\")\n"
      "model.encode([\"download\", \"downloads\"])\n```\n";
  if (second) text += "\nSince the tag v1: 500 more words, and 1,000 rows tuned.\n";
  return text;
}

std::string sentence(std::vector<std::string> const& words, std::uint64_t number) {
  std::string text;
  auto const count = 5 + mix(number) % 8;
  for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + words[mix(number * 64 + i + 1) % words.size()];
  return text + ".";
}

std::string rows(std::uint64_t from, std::uint64_t count) {
  auto const words = split(kCommonWords, ' ');
  std::string out;
  for (auto i = from; i < from + count; ++i) {
    auto const text = sentence(words, i);
    out += json::serialize(json::object{{"id", i}, {"text", text}, {"label", text.size() % 2}}) + "\n";
  }
  return out;
}

void commit(Repo& repo, Tree tree, std::string const& title, std::string const& date) {
  CommitDraft draft;
  auto const tip = repo.refs.find("refs/heads/main");
  if (tip != repo.refs.end()) draft.parent = tip->second;
  draft.title = title;
  draft.author = "hubd";
  draft.date = date;
  draft.tree = std::move(tree);
  repo.refs["refs/heads/main"] = add_commit(repo, std::move(draft))->id;
}

}  // namespace

Result<void> add_sample(Hub& hub) {
  auto& store = hub.store;
  auto const text = [&store](std::string content) { return Entry{store.from_text(std::move(content)), false}; };

  auto words = vocabulary(kWordsSecond);
  auto const second = safetensors(store, words, true);
  if (!second) return second.error();
  auto const second_tokenizer = text(tokenizer(words));
  words.resize(kWordsFirst);
  auto const first = safetensors(store, words, false);
  if (!first) return first.error();

  Tree tree;
  tree[".gitattributes"] = text(default_gitattributes());
  tree["README.md"] = text(readme(false));
  tree["config.json"] = text(
      "{\n    \"model_type\": \"model2vec\",\n    \"architectures\": [\n        \"StaticModel\"\n    ],\n    \"tokenizer_name\": "
      "\"hubd/sample-model\",\n    \"hidden_dim\": 256,\n    \"seq_length\": 1000000,\n    \"normalize\": true,\n    "
      "\"embedding_dtype\": \"float32\"\n}\n");
  tree["modules.json"] = text(
      "[\n    {\n        \"idx\": 0,\n        \"name\": \"0\",\n        \"path\": \".\",\n        \"type\": "
      "\"sentence_transformers.models.StaticEmbedding\"\n    },\n    {\n        \"idx\": 1,\n        \"name\": \"1\",\n        "
      "\"path\": \"1_Normalize\",\n        \"type\": \"sentence_transformers.models.Normalize\"\n    }\n]\n");
  tree["tokenizer.json"] = text(tokenizer(words));
  tree["model.safetensors"] = {*first, true};
  auto& model = hub.world.create("model", "hubd/sample-model", "2026-01-01T00:00:00.000Z");
  commit(model, tree, "A static embedding model", "2026-01-01T00:00:00.000Z");
  model.refs["refs/tags/v1"] = model.refs["refs/heads/main"];
  tree["README.md"] = text(readme(true));
  tree["tokenizer.json"] = second_tokenizer;
  tree["model.safetensors"] = {*second, true};
  commit(model, tree, "More words, some rows tuned", "2026-02-01T00:00:00.000Z");

  Tree data;
  data[".gitattributes"] = text(default_gitattributes());
  data["README.md"] = text("---\nlicense: apache-2.0\nlanguage: en\n---\n# hubd/sample-dataset\n\nSentences of common words, made by hubd's local Hub.\n");
  data["data/train.jsonl"] = text(rows(0, 800));
  data["data/test.jsonl"] = text(rows(800, 200));
  auto& dataset = hub.world.create("dataset", "hubd/sample-dataset", "2026-01-01T00:00:00.000Z");
  commit(dataset, data, "A small dataset", "2026-01-01T00:00:00.000Z");
  return {};
}

}  // namespace hubd::localhub
