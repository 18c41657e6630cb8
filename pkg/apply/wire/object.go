package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

const (
	// metadataOnly asks for the metadata of an object in place of the object.
	metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	// maxBody is the largest request body that an API server reads.
	maxBody = 3 << 20
)

// Payload is an object as it is sent, encoded once for all its requests.
type Payload struct {
	body []byte
}

// Encode returns the payload of an object. An object that no API server would
// read is refused.
func Encode(obj *unstructured.Unstructured) (Payload, error) {
	body, err := json.Marshal(obj.Object)
	if err != nil {
		return Payload{}, errors.New("encoding the object: it holds a value that JSON has not")
	}
	if len(body) > maxBody {
		return Payload{}, fmt.Errorf("the object has %d bytes, more than the %d that an API server reads", len(body), maxBody)
	}
	return Payload{body: body}, nil
}

// Size is the number of bytes that are sent.
func (p Payload) Size() int { return len(p.body) }

// Mode says how an object is written and what is answered.
type Mode struct {
	// DryRun asks the server to do everything but the write.
	DryRun bool
	// Full asks for the whole object in the answer, not its metadata alone.
	Full bool
}

// of adds what the mode asks for to a request.
func (m Mode) of(q *rest.Request) *rest.Request {
	if m.DryRun {
		q = q.Param("dryRun", metav1.DryRunAll)
	}
	if !m.Full {
		q = q.SetHeader("Accept", metadataOnly)
	}
	return q
}

// object makes a request that is answered with an object.
func (c *Client) object(ctx context.Context, build func() *rest.Request) (*unstructured.Unstructured, int, error) {
	body, tried, err := c.do(ctx, build)
	if err != nil {
		return nil, tried, err
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(body); err != nil {
		return nil, tried, errors.New("reading the answer of the API server: it is not an object")
	}
	return obj, tried, nil
}

// Apply sends a server-side apply. Conflicts are resolved in our favour: what is
// in the source wins. The schema is checked by the apply itself; a field validation
// beside it would only parse the payload once more, for keys that occur twice.
func (c *Client) Apply(ctx context.Context, at Ref, p Payload, m Mode) (*unstructured.Unstructured, error) {
	path, err := at.path()
	if err != nil {
		return nil, err
	}
	obj, _, err := c.object(ctx, func() *rest.Request {
		return m.of(c.rest.Patch(types.ApplyPatchType).AbsPath(path...).
			Param("fieldManager", c.opts.FieldManager).Param("force", "true").
			Param("fieldValidation", metav1.FieldValidationIgnore).Body(p.body))
	})
	return obj, err
}

// Create sends a creation, which fails when the object exists, or has fields that the
// schema does not have: as an apply does. When it fails
// although an earlier attempt may have created the object, again is true.
func (c *Client) Create(ctx context.Context, at Ref, p Payload, m Mode) (obj *unstructured.Unstructured, again bool, err error) {
	path, err := at.collection()
	if err != nil {
		return nil, false, err
	}
	obj, tried, err := c.object(ctx, func() *rest.Request {
		return m.of(c.rest.Post().AbsPath(path...).Param("fieldManager", c.opts.FieldManager).
			Param("fieldValidation", metav1.FieldValidationStrict).Body(p.body))
	})
	return obj, tried > 1 && !m.DryRun, err
}

// Get reads an object, or its metadata alone.
func (c *Client) Get(ctx context.Context, at Ref, full bool) (*unstructured.Unstructured, error) {
	path, err := at.path()
	if err != nil {
		return nil, err
	}
	obj, _, err := c.object(ctx, func() *rest.Request {
		return Mode{Full: full}.of(c.rest.Get().AbsPath(path...))
	})
	return obj, err
}

// Patch sends a JSON patch, and returns the metadata of the result.
func (c *Client) Patch(ctx context.Context, at Ref, operations any) (*unstructured.Unstructured, error) {
	path, err := at.path()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encoding patch: %w", err)
	}
	obj, _, err := c.object(ctx, func() *rest.Request {
		return Mode{}.of(c.rest.Patch(types.JSONPatchType).AbsPath(path...).
			Param("fieldManager", c.opts.FieldManager).Body(body))
	})
	return obj, err
}

// Remove sends a deletion that fails unless the object is still the one that was
// read. It reports whether the server says that the object is gone; one
// with finalizers is not.
func (c *Client) Remove(ctx context.Context, at Ref, pre metav1.Preconditions) (gone bool, err error) {
	path, err := at.path()
	if err != nil {
		return false, err
	}
	background := metav1.DeletePropagationBackground
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions: &pre, PropagationPolicy: &background,
	})
	if err != nil {
		return false, fmt.Errorf("encoding delete options: %w", err)
	}
	answer, _, err := c.do(ctx, func() *rest.Request {
		return c.rest.Delete().AbsPath(path...).Body(body)
	})
	if err != nil {
		return false, err
	}
	return confirmed(answer), nil
}

// confirmed reads from the answer to a deletion whether the object is gone. Most
// kinds answer with a Status then; some with the object as it was, which has no
// mark of deletion, as one that is still there has.
func confirmed(answer []byte) bool {
	var said struct {
		Kind     string          `json:"kind"`
		Status   json.RawMessage `json:"status"`
		Metadata struct {
			UID               types.UID    `json:"uid"`
			DeletionTimestamp *metav1.Time `json:"deletionTimestamp"`
			Finalizers        []string     `json:"finalizers"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return false
	}
	if said.Kind == "Status" {
		return string(said.Status) == `"`+metav1.StatusSuccess+`"`
	}
	return said.Metadata.UID != "" && said.Metadata.DeletionTimestamp == nil && len(said.Metadata.Finalizers) == 0
}

// Watch follows one object from a version on.
func (c *Client) Watch(ctx context.Context, at Ref, from string) (watch.Interface, error) {
	if _, err := at.path(); err != nil {
		return nil, err
	}
	var objects dynamic.ResourceInterface = c.watch.Resource(at.gvr)
	if at.Namespaced {
		objects = c.watch.Resource(at.gvr).Namespace(at.Namespace)
	}
	return objects.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + at.Name, ResourceVersion: from})
}
