package admin

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPacedWalks: two walks together take an eighth of the time; who asks for one
// page after a pause waits for nobody; who goes away is not waited for.
func TestPacedWalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		h, takes := &Handler{}, 3*time.Millisecond
		ask := paced(h, newPace(), func(context.Context, struct{}) (int, error) {
			time.Sleep(takes) // the bubble's clock
			pages++
			return pages, nil
		})
		began := time.Now()
		done := make(chan struct{})
		for range 2 {
			go func() {
				for range 5 {
					if _, err := ask(t.Context(), struct{}{}); err != nil {
						t.Error(err)
					}
				}
				done <- struct{}{}
			}()
		}
		<-done
		<-done
		if took, want := time.Since(began), 9*walkShare*3*time.Millisecond+3*time.Millisecond; took != want || pages != 10 {
			t.Errorf("%d pages in %v, want 10 in %v", pages, took, want)
		}
		impatient, leave := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := ask(impatient, struct{}{}); !errors.Is(err, context.DeadlineExceeded) || pages != 10 {
			t.Errorf("%v, %d pages", err, pages)
		}
		leave()
		time.Sleep(time.Second)
		began = time.Now()
		if _, err := ask(t.Context(), struct{}{}); err != nil || time.Since(began) != 3*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(time.Second)
		takes = 20 * time.Second
		go func() {
			if _, err := ask(t.Context(), struct{}{}); err != nil {
				t.Error(err)
			}
			done <- struct{}{}
		}()
		time.Sleep(time.Second)
		impatient, leave = context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := ask(impatient, struct{}{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who goes away while another has the turn: %v", err)
		}
		leave()
		<-done
		takes, began = 0, time.Now()
		if _, err := ask(t.Context(), struct{}{}); err != nil || time.Since(began) != walkRestMost {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		takes, h.Offline = time.Hour, true
		began = time.Now()
		for range 2 {
			if _, err := ask(t.Context(), struct{}{}); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took != 2*time.Hour {
			t.Errorf("offline, two pages took %v", took)
		}
	})
}
