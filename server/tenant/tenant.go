// Package tenant tells on whose account a call runs, for fair shares of the queues.
package tenant

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/grpc/metadata"

	"github.com/bedside-lm/bedside/server/apierror"
)

// Key is the metadata key that names a call's tenant, as long as callers are not
// authenticated: whoever can call can name any tenant.
const Key = "bedside-tenant"

const maxBytes = 64

// Of reads the tenant that a call names; none is "", which is a tenant too.
func Of(ctx context.Context) (string, error) {
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
