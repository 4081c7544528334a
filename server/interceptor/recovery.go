package interceptor

import (
	"context"

	"github.com/bedside-lm/bedside/server/apierror"
)

// recovered counts a panic and makes an error of it.
func (c *Chain) recovered(_ context.Context, p any) error {
	c.panics.Inc()
	return apierror.Recovered(p)
}
