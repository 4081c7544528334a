// Package tenant tells on whose account a call runs, for fair shares of the queues.
package tenant

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/grpc/metadata"

	"github.com/bedside-lm/bedside/server/apierror"
)

// Key is the metadata key that names a call's tenant. Where callers are not asked who they are,
// whoever can call can name any tenant; else the tenant is the caller's, and none but that may be named.
const Key = "bedside-tenant"

const maxBytes = 64

type contextKey struct{}

// With settles on whose account a call runs, whatever it names.
func With(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, contextKey{}, name)
}

// Of gives the tenant that was settled, else the one that the call names; none is "", which is a tenant too.
func Of(ctx context.Context) (string, error) {
	if name, settled := ctx.Value(contextKey{}).(string); settled {
		return name, nil
	}
	values := metadata.ValueFromIncomingContext(ctx, Key)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || len(values[0]) > maxBytes {
		return "", &apierror.FieldError{
			Field: "metadata[" + strconv.Quote(Key) + "]", Message: fmt.Sprintf("must be one name of at most %d bytes", maxBytes),
		}
	}
	return values[0], nil
}
