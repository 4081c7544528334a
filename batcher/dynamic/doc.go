// Package dynamic batches requests that each need one run of a model: embeddings, classifiers, any tensor in and out.
package dynamic
