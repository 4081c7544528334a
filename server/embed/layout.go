package embed

import "github.com/bedside-lm/bedside/runtime/tensor"

// layout makes the graph's inputs for texts padded to width places, which no text passes. A padded place stands for its
// own text's last token, so that it reads nothing of a neighbour's. See scripts/embedding/README.md.
func layout(texts [][]int32, width int) []tensor.Tensor {
	rows, total := len(texts), 0
	for _, t := range texts {
		total += len(t)
	}
	memory := make([]int64, 3*total+rows*(width+1))
	take := func(n int) (part []int64) {
		part, memory = memory[:n:n], memory[n:]
		return part
	}
	ids, positions, unpad := take(total), take(total), take(total)
	pad, lengths := take(rows*width), take(rows)
	at := 0
	for row, t := range texts {
		for i, id := range t {
			ids[at+i], positions[at+i], unpad[at+i] = int64(id), int64(i), int64(row*width+i)
		}
		for i := range width {
			pad[row*width+i] = int64(at + min(i, len(t)-1))
		}
		lengths[row] = int64(len(t))
		at += len(t)
	}
	n, b := []int64{int64(total)}, []int64{int64(rows)}
	return []tensor.Tensor{
		tensor.New("input_ids", n, ids),
		tensor.New("position_ids", n, positions),
		tensor.New("pad_index", []int64{int64(rows), int64(width)}, pad),
		tensor.New("unpad_index", n, unpad),
		tensor.New("lengths", b, lengths),
	}
}
