// Package batcher is the parent of the scheduling packages. They decide which work runs next and in which batch; they
// know no model, no tensor, no text and no network, and need nothing beyond the standard library.
//
// What is here:
//
//   - continuous: step-level scheduling of token sequences (language models), as a pure state machine.
//   - dynamic: request-level batching of tensor models, as a pure state machine with a thin loop around it.
package batcher
