# SPDX-License-Identifier: Apache-2.0
"""The drop-in: with HUBD_DROPIN=1 (or `require`) huggingface_hub's downloads and reads go through this host's hubd.

The wheel's .pth file imports `hubd.dropin.hook` at interpreter start when the variable is set; nothing else of this
package is imported before huggingface_hub is. docs/dropin.md says what goes through hubd and what stays stock.
"""
