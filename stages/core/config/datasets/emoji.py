"""Emoji: 1,906 drawings of Google's Noto in nine categories, in colour and transparent, 64 x 64. Apache License 2.0.

One of each: neither the tones of a skin nor the parts that others are made of (the category "Component").
"""

from stages.core.config.builtin import BuiltinFolder, Npm

DATASET = BuiltinFolder(
    digests={"emoji-datasource-google-16.0.0.tgz": "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"},
    sources=(Npm("emoji-datasource-google", "16.0.0", "package"),),
    pictures="package/img/google/64",
    index="package/emoji.json",
    left_out=("Component",),
)
